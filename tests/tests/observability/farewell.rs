//! A stage that stops for good is seen by whoever scrapes it.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::binary::Build;
use harness::case;
use harness::cluster::READY_LIMIT;
use harness::kafka::Kafka;
use harness::pipeline::Pipeline;
use harness::process::Signal;
use harness::redis_server::Redis;
use harness::topic::{self, Admin};
use harness::{http, wait};

const LIMIT: Duration = Duration::from_secs(30);
const FAILED: &str = "millrace_process_failed";

#[test]
fn lost_orders_are_seen_in_metrics_before_the_process_ends() {
    case::run("farewell", |case| {
        let (kafka, redis) = (Kafka::start(case)?, Redis::start(case)?);
        let pipeline = Pipeline::new(case, "shop", &kafka, &redis, Build::Plain)?;
        pipeline.create_topics(1)?;
        let mut stage = pipeline.process(&["revenue"], "one").env("FAREWELL", "60s").start()?;
        simulate(&pipeline)?;
        stage.wait_ready(READY_LIMIT)?;
        wait::until("orders to be folded", LIMIT, || Ok(stage.orders_folded()? >= 100.0))?;
        let shown = stage.metrics()?.sum(FAILED, &["error=\"DataLoss\""]);
        ensure!(shown == Some(0.0), "a healthy stage says {shown:?}");
        stage.drain()?;

        simulate(&pipeline)?;
        let end = topic::ends(pipeline.brokers(), &pipeline.orders())?[0];
        Admin::new(pipeline.brokers())?.delete_records(&pipeline.orders(), 0, end)?;
        stage.restart()?;
        wait::until("the loss to be shown", LIMIT, || {
            Ok(stage.metrics()?.sum(FAILED, &["error=\"DataLoss\""]) == Some(1.0))
        })?;
        let lives = http::get(stage.admin_port(), "/livez")?;
        ensure!(lives.status == 500 && lives.body.contains("accept-loss"), "{lives:?}");
        stage.signal(Signal::Term)?;
        let status = stage.process().wait_end(LIMIT)?;
        ensure!(status.code() == Some(1), "it ended with {status}");
        Ok(())
    });
}

fn simulate(pipeline: &Pipeline) -> Result<()> {
    let done = pipeline.run(&["simulate", "--count", "100", "--rate", "1000", "--seed", "7"])?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
