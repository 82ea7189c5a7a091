//! Where accounts were used.

use chrono::{DateTime, Utc};

use super::{Queries, Result};
use crate::domain::{audit::Event, ids::UserId};

/// The countries `user` has used sessions from, or signed in from, since `since`.
pub async fn list_countries(
    db: &impl Queries,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<Vec<String>> {
    let events: Vec<&str> = [Event::LoginSuccess, Event::LoginSuccessAfterFail]
        .map(Event::as_str)
        .to_vec();
    let rows = db.query(LIST_COUNTRIES, &[&user, &since, &events]).await?;
    rows.iter().map(|row| Ok(row.try_get("country")?)).collect()
}

// Ended sessions are purged after a week; what was written down about sign-ins is kept for longer.
const LIST_COUNTRIES: &str = "
    select country from sessions
     where user_id = $1 and created_at > $2 and country is not null
     union
    select details ->> 'country' from audit_events
     where user_id = $1 and at > $2 and event = any($3) and details ->> 'country' is not null";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[LIST_COUNTRIES];
