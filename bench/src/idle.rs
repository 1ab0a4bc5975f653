//! What it costs to wait.

use std::time::Duration;

use anyhow::Result;

use crate::lab::Lab;
use crate::machine;
use crate::pipeline::Pipeline;
use crate::progress;

/// Options of the idle measurement.
#[derive(Clone, Debug, clap::Args)]
pub struct Idle {
    /// For how long to measure, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
}

/// Not measured: what starting leaves to be done.
const SETTLE: Duration = Duration::from_secs(5);

impl Default for Idle {
    fn default() -> Self {
        Self { seconds: 20 }
    }
}

impl Idle {
    /// Measures and prints.
    ///
    /// # Errors
    /// When a process fails.
    pub fn run(&self, lab: &Lab) -> Result<()> {
        progress::step(&format!("idle for {} s", self.seconds));
        let topic = format!("{}-orders", lab.new_pipeline());
        lab.kafka.create(&topic, lab.options.partitions)?;
        let measured = self.measure(lab, &topic);
        lab.kafka.delete(&[&topic])?;
        let ([stage, views, broker, redis], load) = measured?;
        println!("IDLE: no orders for {} s, % of a core, load {load}", self.seconds);
        println!(
            "  `millrace process revenue fraud trend` over {} partitions, `millrace views`",
            lab.options.partitions
        );
        println!("  stage {stage:.2} %   views {views:.2} %   broker {broker:.2} %   Redis {redis:.2} %");
        Ok(())
    }

    fn measure(&self, lab: &Lab, topic: &str) -> Result<([f64; 4], String)> {
        let pipeline = Pipeline::new(lab, topic)?;
        let mut views = pipeline.views()?;
        let mut stage = pipeline.stage(&lab.binaries.plain, &[])?;
        stage.wait_until_ready()?;
        views.wait_until_ready()?;
        std::thread::sleep(SETTLE);
        let load = machine::load();
        let all = || anyhow::Ok([stage.cpu()?, views.cpu()?, lab.broker.cpu()?, lab.redis.cpu()?]);
        let before = all()?;
        let time = Duration::from_secs(self.seconds);
        std::thread::sleep(time);
        let after = all()?;
        let share = |n: usize| after[n].saturating_sub(before[n]).as_secs_f64() / time.as_secs_f64() * 100.0;
        let shares = [share(0), share(1), share(2), share(3)];
        stage.stop()?;
        views.stop()?;
        Ok((shares, load))
    }
}
