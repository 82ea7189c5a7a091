//! Forgetting what is over, in the background.

use std::time::Duration;

use shared::clock::Clock;

use super::{delete_account::delete_due, sessions::store::Store};
use crate::db::{self, Database, DbError, purge};

/// Pause between two rounds.
const INTERVAL: Duration = Duration::from_mins(10);

/// Purges now and every ten minutes, for as long as it is polled.
pub async fn purge_for_ever(database: Database, store: Store, clock: Clock) {
    loop {
        let purged = async {
            let removed = purge_once(&database, &clock).await?;
            Ok::<u64, DbError>(removed + store.purge(clock.now()).await?)
        };
        match purged.await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "purged ended sessions"),
            Err(error) => {
                tracing::warn!(%error, "ended sessions could not be purged; trying again later");
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Removes all that is over; the number of sessions removed.
///
/// # Errors
/// The database's; what was removed before stays removed.
pub async fn purge_once(database: &Database, clock: &Clock) -> db::Result<u64> {
    let mut total = 0;
    loop {
        let db = database.client().await?;
        let removed = purge::delete_ended_sessions(&db, clock.now()).await?;
        let visitors = purge::delete_idle_visitors(&db, clock.now()).await?;
        let mails = purge::delete_old_mails(&db, clock.now()).await?;
        let events = purge::delete_old_events(&db, clock.now()).await?;
        let counters = purge::delete_counters(&db, clock.now()).await?;
        let waits = purge::delete_expired_waits(&db, clock.now()).await?;
        total += removed + visitors;
        let all = [removed, visitors, mails, events, counters, waits];
        if !all.into_iter().any(purge::is_full) {
            break;
        }
    }
    delete_due(database, clock).await?;
    Ok(total)
}
