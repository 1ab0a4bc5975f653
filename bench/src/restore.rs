//! What a restart costs when there is much to remember.

use std::time::Instant;

use anyhow::Result;

use crate::drain::watch;
use crate::lab::Lab;
use crate::machine;
use crate::pipeline::Pipeline;
use crate::progress;
use crate::report::{mebibytes, thousands};
use crate::web;
use crate::workload::Workload;

/// Measures and prints.
///
/// # Errors
/// When a process fails.
pub fn run(lab: &Lab) -> Result<()> {
    progress::step("restart with a million active users");
    let topic = lab.filled(Workload::ManyUsers)?;
    let pipeline = Pipeline::new(lab, &topic)?;
    let mut stage = pipeline.stage(&lab.binaries.plain, &[])?;
    watch(&pipeline.offsets()?, lab.options.orders, &mut stage)?;
    stage.stop()?;
    let (load, started) = (machine::load(), Instant::now());
    let mut stage = pipeline.stage(&lab.binaries.plain, &[])?;
    stage.wait_until_ready()?;
    let ready = started.elapsed();
    let metrics = stage.metrics()?;
    let value = |name| web::metric(&metrics, name);
    println!(
        "RESTORE: a stage (revenue, fraud, trend) with 1,000,000 users in its windows is stopped and started again, load {load}"
    );
    println!(
        "  start to ready {:.2} s, of that restoring {:.2} s: {} records, {:.1} MB of state, {} orders folded again; CPU {:.2} s, peak RSS {} MiB",
        ready.as_secs_f64(),
        value("millrace_stage_restore_duration_seconds_sum"),
        thousands(value("millrace_stage_restored_records")),
        value("millrace_stage_restored_bytes") / 1e6,
        thousands(value("millrace_stage_refolded_orders_total")),
        stage.cpu()?.as_secs_f64(),
        mebibytes(stage.peak_memory()?),
    );
    stage.stop()
}
