//! What a partition holds that this version does not understand.

use std::collections::BTreeMap;

use contract::state::PROGRESS_KEY;

use super::RecordError;

/// Records that cannot be understood and that nothing has replaced so far, by key.
#[derive(Debug, Default)]
pub(super) struct Unreadable(BTreeMap<Vec<u8>, RecordError>);

impl Unreadable {
    /// The newest record of `key` cannot be understood.
    pub(super) fn insert(&mut self, key: &[u8], error: RecordError) {
        self.0.insert(key.to_owned(), error);
    }

    /// The newest record of `key` can; after a `reset` nothing counts that was before.
    pub(super) fn replaced(&mut self, key: &[u8], reset: bool) {
        if reset {
            self.0.clear();
        } else if !self.0.is_empty() {
            self.0.remove(key);
        }
    }

    /// Nothing will replace what is left.
    ///
    /// # Errors
    /// When something is: the progress record's, which says most, or else any.
    pub(super) fn check(&mut self) -> Result<(), RecordError> {
        let progress = self.0.remove(PROGRESS_KEY.as_bytes());
        match progress.or_else(|| self.0.pop_first().map(|(_, error)| error)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
