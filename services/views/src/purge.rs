//! Taking everything out of Redis that views have written, for a pipeline that is not to come back.

use std::collections::BTreeSet;

use contract::View;
use runtime::config::RedisAddress;

use crate::fence::FENCE_KEY;
use crate::run::ViewsError;
use crate::store::{RedisError, RedisStore, Store};

/// Keys deleted by one command.
const AT_ONCE: usize = 500;

/// Deletes every key in the families of `views`, then the fence. Returns how many there were. Views that still run would
/// write it all again.
///
/// # Errors
/// When Redis cannot be reached or refuses; what is deleted until then stays deleted.
pub async fn purge(redis: RedisAddress, views: &[Box<dyn View>]) -> Result<usize, ViewsError> {
    let store = RedisStore::new(redis);
    let families: Vec<_> = views.iter().flat_map(|view| view.families()).copied().collect();
    delete(&store, &families).await.map_err(|error| ViewsError::Store(Box::new(error)))
}

async fn delete(store: &RedisStore, families: &[&str]) -> Result<usize, RedisError> {
    let keys: BTreeSet<_> = store.list(families).await?.into_iter().collect();
    let keys: Vec<_> = keys.into_iter().collect();
    for some in keys.chunks(AT_ONCE) {
        store.remove(some).await?;
    }
    store.remove(&[FENCE_KEY.to_owned()]).await?;
    Ok(keys.len())
}
