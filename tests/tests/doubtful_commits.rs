//! Commits whose outcome the stage cannot know: answers cut, dropped, late, requests late or lost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::case;
use harness::cluster::{Cluster, Setup};
use harness::load::{Load, Plan};
use harness::proxy::{Api, Fault, offsets_before_records};
use harness::servers::Servers;
use harness::wait;

const APIS: [Api; 2] = [Api::END_TXN, Api::ADD_OFFSETS_TO_TXN];
const FAULTS: [Fault; 5] = [
    Fault::Cut,
    Fault::DropAnswer,
    Fault::DelayAnswer(Duration::from_secs(5)),
    Fault::HoldRequest(Duration::from_secs(6)),
    Fault::LoseRequest,
];
/// What can go wrong with the offsets themselves; the slow ones are covered above.
const FAULTS_OF_OFFSETS: [Fault; 2] = [Fault::Cut, Fault::DropAnswer];
const HIT_LIMIT: Duration = Duration::from_secs(30);
const RECOVERY_LIMIT: Duration = Duration::from_mins(1);

/// Every fault on every request that decides about a commit, while orders flow; exact at the end.
#[test]
fn results_are_exact_after_doubtful_commits() {
    case::run("doubtful-commits", |case| {
        let servers = Servers::start_with_proxy(case, &[])?;
        let mut cluster = Cluster::start_on(
            &servers,
            case,
            "shop",
            &Setup { replicas: 2, views: false, ..Setup::default() },
        )?;
        let plan = Plan {
            seed: 7,
            prefix: "order".to_owned(),
            rate: 1_000,
            users: 10_000,
            orders: 10_000,
            bad: std::sync::Arc::default(),
        };
        let load = Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan)?;
        for fault in FAULTS {
            for api in APIS {
                meet(&cluster, api, fault).with_context(|| format!("{fault:?} on {api:?}"))?;
            }
        }
        for fault in FAULTS_OF_OFFSETS {
            meet(&cluster, Api::TXN_OFFSET_COMMIT, fault)?;
        }
        load.finish()?;
        let proxy = cluster.servers.proxy()?;
        let wrong = offsets_before_records(&proxy.journal(""));
        ensure!(wrong.is_empty(), "offsets were sent {} times before records", wrong.len());
        let hits = proxy.hits().len();
        ensure!(hits == FAULTS.len() * APIS.len() + FAULTS_OF_OFFSETS.len(), "only {hits} faults happened");
        println!("{hits} doubtful calls, {} of them noticed by the stage", given_up(&cluster)?);
        ensure!(given_up(&cluster)? > 0.0, "no fault made the stage throw its state away");
        let expected = cluster.check()?;
        println!("{} orders, {} alerts: exact", expected.orders, expected.alerts.len());
        Ok(())
    });
}

/// Injects one fault, waits until it was met, and until both replicas work again.
fn meet(cluster: &Cluster, api: Api, fault: Fault) -> Result<()> {
    let proxy = cluster.servers.proxy()?;
    let before = proxy.hits().len();
    proxy.inject(api, fault);
    wait::until("the fault to be met", HIT_LIMIT, || Ok(proxy.hits().len() > before))?;
    for replica in &cluster.replicas {
        let folded = replica.orders_folded()?;
        wait::until("the replicas to go on", RECOVERY_LIMIT, || Ok(replica.orders_folded()? > folded))?;
    }
    Ok(())
}

fn given_up(cluster: &Cluster) -> Result<f64> {
    let count = |replica: &harness::service::Service| {
        Ok(replica.metrics()?.sum("millrace_stage_transactions_given_up_total", &[]).unwrap_or(0.0))
    };
    cluster.replicas.iter().map(count).sum()
}
