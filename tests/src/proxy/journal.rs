//! What went over the wire, and what must hold of its order.

use std::collections::HashMap;

use super::Api;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the broker.
    Request,
    /// To the client.
    Answer,
}

/// One request or answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The `client.id` of the client.
    pub client: String,
    /// The type of the request.
    pub api: Api,
    /// Which way it went.
    pub direction: Direction,
}

/// The places in the journal where a client broke the order of a transaction: it sent offsets while records
/// were not acknowledged, or records after the offsets.
pub fn offsets_before_records(journal: &[Event]) -> Vec<usize> {
    let mut transactions: HashMap<&str, Transaction> = HashMap::new();
    let mut wrong = Vec::new();
    for (at, event) in journal.iter().enumerate() {
        let transaction = transactions.entry(&event.client).or_default();
        match (event.api, event.direction) {
            (Api::PRODUCE, Direction::Request) => {
                transaction.unacknowledged += 1;
                wrong.extend(transaction.offsets_sent.then_some(at));
            }
            (Api::PRODUCE, Direction::Answer) => transaction.unacknowledged -= 1,
            (Api::ADD_OFFSETS_TO_TXN | Api::TXN_OFFSET_COMMIT, Direction::Request) => {
                transaction.offsets_sent = true;
                wrong.extend((transaction.unacknowledged > 0).then_some(at));
            }
            (Api::END_TXN, Direction::Request) => transaction.offsets_sent = false,
            // A new producer; what the one before had left behind is void.
            (Api::INIT_PRODUCER_ID, Direction::Request) => *transaction = Transaction::default(),
            _ => {}
        }
    }
    wrong
}

#[derive(Default)]
struct Transaction {
    unacknowledged: i64,
    offsets_sent: bool,
}

/// How many assignments `client` got whose restore read records, and how many of those restores began to
/// read before an `OffsetFetch` was answered. A restore ends with the first Produce.
pub fn assignments_without_barrier(journal: &[Event], client: &str) -> (usize, usize) {
    let (mut judged, mut wrong) = (0, 0);
    let mut barrier = None;
    for event in journal.iter().filter(|event| event.client == client) {
        match (event.api, event.direction) {
            (Api::SYNC_GROUP, Direction::Answer) => barrier = Some(false),
            (Api::OFFSET_FETCH, Direction::Answer) => barrier = barrier.map(|_| true),
            (Api::FETCH, Direction::Request) => {
                judged += usize::from(barrier.is_some());
                wrong += usize::from(barrier == Some(false));
                barrier = None;
            }
            (Api::PRODUCE, Direction::Request) => barrier = None,
            _ => {}
        }
    }
    (judged, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(client: &str, api: Api, direction: Direction) -> Event {
        Event { client: client.to_owned(), api, direction }
    }

    #[test]
    fn offsets_before_the_acknowledgement_or_before_records_are_found() {
        let produce = event("a", Api::PRODUCE, Direction::Request);
        let acknowledged = event("a", Api::PRODUCE, Direction::Answer);
        let offsets = event("a", Api::ADD_OFFSETS_TO_TXN, Direction::Request);
        let end = event("a", Api::END_TXN, Direction::Request);
        let others = event("b", Api::PRODUCE, Direction::Request);
        let good = [&produce, &others, &acknowledged, &offsets, &end, &produce].map(Clone::clone);
        assert!(offsets_before_records(&good).is_empty());
        let early = [&produce, &offsets, &acknowledged].map(Clone::clone);
        assert_eq!(offsets_before_records(&early), [1]);
        let first = [&offsets, &produce, &acknowledged, &end].map(Clone::clone);
        assert_eq!(offsets_before_records(&first), [1]);
    }

    #[test]
    fn a_restore_that_reads_before_the_barrier_is_found() {
        let step = |api, direction| event("a", api, direction);
        let assigned = step(Api::SYNC_GROUP, Direction::Answer);
        let barrier = step(Api::OFFSET_FETCH, Direction::Answer);
        let read = step(Api::FETCH, Direction::Request);
        let claim = step(Api::PRODUCE, Direction::Request);
        let good = [assigned.clone(), barrier.clone(), read.clone(), claim.clone(), read.clone()];
        assert_eq!(assignments_without_barrier(&good, "a"), (1, 0));
        assert_eq!(assignments_without_barrier(&good, "b"), (0, 0));
        let bad = [assigned.clone(), read.clone(), barrier, claim.clone()];
        assert_eq!(assignments_without_barrier(&bad, "a"), (1, 1));
        let nothing_to_read = [assigned, claim, read];
        assert_eq!(assignments_without_barrier(&nothing_to_read, "a"), (0, 0));
    }
}
