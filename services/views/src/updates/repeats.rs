//! What is sent again when nothing new was.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::Update;
use tokio::time::{Instant, sleep_until};

/// A dashboard reads the last 1,000 offsets of the topic. At the shortest view interval (10 ms) another type of
/// update fills them within 10 s, at the default one within 100 s.
const AFTER: Duration = Duration::from_secs(5);

/// The updates that were sent last, one of each type.
#[derive(Debug, Default)]
pub(crate) struct Repeats(BTreeMap<&'static str, (Update, Instant)>);

impl Repeats {
    /// The newest of its type was sent now.
    pub(super) fn sent(&mut self, name: &'static str, update: Update) {
        self.0.insert(name, (update, Instant::now()));
    }

    /// Another process sends newer ones.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Waits until one is to be sent again.
    pub(super) async fn are_due(&self) {
        match self.0.values().map(|(_, sent)| *sent).min() {
            Some(sent) => sleep_until(sent + AFTER).await,
            None => std::future::pending().await,
        }
    }

    /// Takes those that are to be sent again.
    pub(super) fn take_due(&mut self) -> Vec<Update> {
        let now = Instant::now();
        self.0.extract_if(.., |_, (_, sent)| *sent + AFTER <= now).map(|(_, (update, _))| update).collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn update(sequence: u64) -> Update {
        let timestamp = String::new();
        Update::Revenue { total_revenue: 1, total_orders: 1, hourly_revenue: 1, timestamp, sequence }
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_is_due_when_nothing_new_was_sent_for_a_while() {
        let mut repeats = Repeats::default();
        repeats.sent("revenue_update", update(1));
        advance(AFTER / 2).await;
        repeats.sent("revenue_update", update(2));
        repeats.sent("trend_update", update(3));
        advance(AFTER / 2).await;
        assert_eq!(repeats.take_due(), []);
        repeats.sent("trend_update", update(4));
        let begun = Instant::now();
        repeats.are_due().await;
        assert_eq!(begun.elapsed(), AFTER / 2);
        assert_eq!(repeats.take_due(), [update(2)]);
        repeats.sent("revenue_update", update(2));
        repeats.are_due().await;
        assert_eq!(repeats.take_due(), [update(4)]);

        repeats.clear();
        advance(AFTER * 2).await;
        assert_eq!(repeats.take_due(), []);
    }
}
