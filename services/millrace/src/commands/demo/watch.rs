//! Ends the demo when its stage had to give up a transaction.

use std::time::Duration;

use anyhow::anyhow;
use prometheus::Registry;
use runtime::Process;

use crate::failure::Failure;

/// The stage's counter of transactions after which it restores itself.
const GIVEN_UP: &str = "millrace_stage_transactions_given_up_total";
const LOOK: Duration = Duration::from_secs(1);

/// Ends with an error once the stage gave up a transaction: on a real Kafka it would restore its state and be
/// exact, but the mock cluster undoes no transaction and forgets old state, so that the numbers would be wrong.
pub async fn faults(process: Process) -> Result<(), Failure> {
    loop {
        tokio::select! {
            () = process.shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
        if given_up(&process.registry) {
            return Err(Failure::run(anyhow!(
                "the demo's stand-in for Kafka did not answer in time (was the machine asleep or very busy?) and \
                 cannot recover as a real one does; start the demo again"
            )));
        }
    }
}

fn given_up(registry: &Registry) -> bool {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == GIVEN_UP);
    family.is_some_and(|family| family.get_metric().iter().any(|m| m.get_counter().get_value() > 0.0))
}

#[cfg(test)]
mod tests {
    use prometheus::{IntCounterVec, Opts};
    use runtime::Shutdown;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_transaction_that_was_given_up_ends_the_demo() {
        let process = Process::new(Shutdown::new());
        let options = Opts::new("stage_transactions_given_up_total", "As the stage counts them");
        let counters = IntCounterVec::new(options, &["call"]).unwrap();
        process.registry.register(Box::new(counters.clone())).unwrap();
        let watching = tokio::spawn(faults(process));
        tokio::time::sleep(LOOK * 3).await;
        assert!(!watching.is_finished());

        counters.with_label_values(&["committing"]).inc();
        assert_eq!(watching.await.unwrap().unwrap_err().code(), 1);
    }
}
