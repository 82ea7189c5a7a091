//! Giving people what the shop knows about them.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::{
    audit::{Entry, record, record_refusal},
    sessions::Origin,
};
use crate::{
    db::{audit::count_user_events, export},
    domain::{
        audit::Event,
        ids::{SessionId, UserId},
    },
    error::AppError,
    state::AppState,
};

/// Exports of one account within [`WINDOW`]: each reads all that there is of it.
const LIMIT: i64 = 10;

const WINDOW: TimeDelta = TimeDelta::hours(1);

/// The form of an export; a change that readers would trip over raises it.
const VERSION: u8 = 1;

/// Everything the shop knows about `user`, as of now.
///
/// # Errors
/// [`AppError::TooMany`] beyond ten in an hour.
pub async fn export_data(
    state: &AppState,
    user: UserId,
    session: SessionId,
    origin: &Origin,
) -> Result<Map<String, Value>, AppError> {
    let now = state.clock.now();
    let mut db = state.db().await?;
    let entry = |event| Entry {
        event,
        user: Some(user),
        actor: None,
        session: Some(session),
        origin,
        details: json!({}),
    };
    let n_before = count_user_events(&db, user, Event::DataExported, now - WINDOW).await?;
    if n_before >= LIMIT {
        record_refusal(&db, now, entry(Event::RateLimited)).await?;
        return Err(AppError::TooMany {
            retry_after: Duration::from_mins(10),
        });
    }
    let tx = db.transaction().await?;
    record(&tx, now, entry(Event::DataExported)).await?;
    let mut data = Map::new();
    data.insert("version".to_owned(), json!(VERSION));
    data.insert("exported_at".to_owned(), json!(now));
    data.extend(export::export(&tx, user).await?);
    tx.commit().await?;
    Ok(data)
}
