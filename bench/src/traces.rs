//! What tracing costs a stage at full speed, when every order's producer records a trace.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::drain::measure;
use crate::lab::Lab;
use crate::machine;
use crate::progress;
use crate::report::{Table, per_million};
use crate::service::free_address;
use crate::workload::Workload;

/// Options of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Traces {
    /// Pairs of drains, with and without.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
}

const START: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Default for Traces {
    fn default() -> Self {
        Self { pairs: 5 }
    }
}

impl Traces {
    /// Measures and prints.
    ///
    /// # Errors
    /// When a process or server fails.
    pub fn run(&self, lab: &Lab) -> Result<()> {
        let topic = lab.filled(Workload::Traced)?;
        let collector = Collector::start(&lab.options.data)?;
        let on = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str())];
        let drain = |environment: &[(&str, &str)]| -> Result<Duration> {
            Ok(measure(lab, &topic, &lab.binaries.plain, environment)?.stage)
        };
        progress::step("warming up");
        drain(&[])?;
        let mut table = Table::new(&["traces", "CPU off", "CPU on", "more", "load"]);
        let (mut without, mut with) = (Duration::ZERO, Duration::ZERO);
        for pair in 1..=self.pairs {
            progress::step(&format!("pair {pair} of {}", self.pairs));
            let load = machine::load();
            let (off, traced) = (drain(&[])?, drain(&on)?);
            (without, with) = (without + off, with + traced);
            table.row(row(&format!("pair {pair}"), off, traced, lab.options.orders, load));
        }
        let (without, with) = (without / self.pairs, with / self.pairs);
        table.row(row("mean", without, with, lab.options.orders, "-".to_owned()));
        println!(
            "TRACES: the drain of 2,000 users; every order carries the context of a recorded trace, spans go to an"
        );
        println!("  OpenTelemetry Collector on this machine. CPU: seconds of the stage per million orders.");
        table.print();
        println!("{} MB of spans were received.", collector.received()? / 1_000_000);
        Ok(())
    }
}

fn row(name: &str, off: Duration, on: Duration, orders: u64, load: String) -> Vec<String> {
    let more = (on.as_secs_f64() / off.as_secs_f64() - 1.0) * 100.0;
    vec![name.to_owned(), per_million(off, orders), per_million(on, orders), format!("{more:+.1} %"), load]
}

/// A running collector; killed when dropped.
struct Collector {
    endpoint: String,
    spans: std::path::PathBuf,
    child: Child,
}

impl Collector {
    fn start(data: &Path) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../dev/otel-collector");
        let built = Command::new(script).status().context("running dev/otel-collector")?;
        ensure!(built.success(), "the collector could not be built");
        let (address, spans) = (free_address()?, data.join("spans.json"));
        let log = data.join("logs/collector.log");
        // what an earlier run left must not count
        let _ = fs::remove_file(&spans);
        let mut command = Command::new(script);
        command.arg(address.port().to_string()).arg(&spans).stdout(Stdio::null());
        let child =
            command.stdin(Stdio::null()).stderr(File::create(&log)?).spawn().context("the collector")?;
        let collector = Self { endpoint: format!("http://{address}"), spans, child };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(since.elapsed() < START, "the collector does not listen: see {}", log.display());
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(collector)
    }

    /// Bytes of spans, so that nobody measures spans that never came.
    fn received(&self) -> Result<u64> {
        let bytes = fs::metadata(&self.spans).map_or(0, |file| file.len());
        ensure!(bytes > 0, "no span was received");
        Ok(bytes)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
