//! What Kafka may remove from the topics of a stage, and what it must not.

use runtime::config::KafkaArgs;
use runtime::topics::setting;

use crate::StageError;

/// Compaction takes single records out of the middle: orders would be lost, and a refold would differ.
pub(crate) fn refuse_compacted(kafka: &KafkaArgs, orders: &str) -> Result<(), StageError> {
    match policy(kafka, orders) {
        Some(policy) if policy.contains("compact") => Err(StageError::Topic(format!(
            "topic {orders} is compacted (cleanup.policy={policy}): kafka would remove orders before they are counted; \
             set its cleanup.policy to delete, or name another with --orders-topic / ORDERS_TOPIC"
        ))),
        _ => Ok(()),
    }
}

/// Anything but compaction would delete the newest value of counters that have not changed for a while.
pub(crate) fn require_compacted(kafka: &KafkaArgs, state: &str) -> Result<(), StageError> {
    match policy(kafka, state) {
        Some(policy) if policy != "compact" => Err(StageError::Topic(format!(
            "topic {state} has cleanup.policy={policy}: kafka would delete state that is still needed; set its \
             cleanup.policy to compact (`millrace topics apply` does)"
        ))),
        _ => Ok(()),
    }
}

/// The topic's cleanup policy; `None` without the right to look.
fn policy(kafka: &KafkaArgs, topic: &str) -> Option<String> {
    setting(kafka, topic, "cleanup.policy").unwrap_or_else(|error| {
        tracing::info!(topic, %error, "cannot check the topic's cleanup policy");
        None
    })
}
