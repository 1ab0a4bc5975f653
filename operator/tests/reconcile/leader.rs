//! Several replicas of the operator: one works.

use anyhow::ensure;
use harness::kubernetes::{stand_in, until};
use serde_json::json;

use crate::trial::{LIMIT, metric, run};

#[test]
fn another_replica_takes_over_when_the_leader_dies() {
    run("leader", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut first = trial.operator().env("POD_NAME", "first").start()?;
        trial.create("shop", &json!({})).await?;
        trial.ready("shop").await?;
        let mut second = trial.operator().env("POD_NAME", "second").start()?;
        second.wait_ready(LIMIT)?;
        let leads = |port: u16| metric(port, "millrace_operator_leader");
        ensure!((leads(first.admin_port())?, leads(second.admin_port())?) == (1.0, 0.0));
        first.kill()?;
        trial.change("shop", &json!({"processors": {"fraud": {"scaling": {"replicas": 2}}}})).await?;
        trial.ready("shop").await?;
        ensure!(leads(second.admin_port())? > 0.0, "the second does not lead");
        // given back, it need not be waited for
        second.drain()?;
        let begun = std::time::Instant::now();
        let mut third = trial.operator().env("POD_NAME", "third").start()?;
        until("the third to lead", LIMIT, async || Ok(leads(third.admin_port())? > 0.0)).await?;
        println!("led after {:?}", begun.elapsed());
        third.drain()
    });
}
