//! The audit log: rows are added, read, and forgotten by age; never changed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    audit::Event,
    ids::{EventId, SessionId, UserId},
};

/// A row about to be written.
pub struct NewEvent<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: Event,
    /// Whose account.
    pub user: Option<UserId>,
    /// Who did it, when somebody else.
    pub actor: Option<UserId>,
    /// By which session.
    pub session: Option<SessionId>,
    /// From which address.
    pub ip: &'a str,
    /// With which program.
    pub user_agent: &'a str,
    /// What else is worth knowing; never a secret.
    pub details: &'a Value,
}

/// Adds a row.
pub async fn insert_event(db: &impl Queries, new: &NewEvent<'_>) -> Result<()> {
    let parameters: [super::Parameter<'_>; 9] = [
        &EventId::generate(new.at),
        &new.at,
        &new.event.as_str(),
        &new.user,
        &new.actor,
        &new.session,
        &new.ip,
        &new.user_agent,
        &new.details,
    ];
    db.execute(INSERT_EVENT, &parameters).await?;
    Ok(())
}

const INSERT_EVENT: &str = "
    insert into audit_events (event_id, at, event, user_id, actor_id, session_id, ip, user_agent, details)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// How often something happened lately, and when first.
pub struct Lately {
    /// How often.
    pub n: i64,
    /// When first; nothing when never.
    pub first_at: Option<DateTime<Utc>>,
}

/// How often `event` happened to a user since a moment.
///
/// Identifiers are in the order of time, so the index `audit_events_user_idx` knows where to begin.
pub async fn count_events_of(
    db: &impl Queries,
    user: UserId,
    event: Event,
    since: DateTime<Utc>,
) -> Result<Lately> {
    let parameters: [super::Parameter<'_>; 4] =
        [&user, &EventId::earliest(since), &event.as_str(), &since];
    let row = db.query_one(COUNT_EVENTS_OF, &parameters).await?;
    Lately::try_from(row)
}

const COUNT_EVENTS_OF: &str = "
    select count(*) as n, min(at) as first_at from audit_events
     where user_id = $1 and event_id >= $2 and event = $3 and at > $4";

/// How often `event` was caused from a network since a moment: its `details` name the network.
pub async fn count_events_from(
    db: &impl Queries,
    network: &str,
    event: Event,
    since: DateTime<Utc>,
) -> Result<Lately> {
    let parameters: [super::Parameter<'_>; 4] =
        [&event.as_str(), &EventId::earliest(since), &network, &since];
    let row = db.query_one(COUNT_EVENTS_FROM, &parameters).await?;
    Lately::try_from(row)
}

const COUNT_EVENTS_FROM: &str = "
    select count(*) as n, min(at) as first_at from audit_events
     where event = $1 and event_id >= $2 and details->>'network' = $3 and at > $4";

impl TryFrom<Row> for Lately {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            n: row.try_get("n")?,
            first_at: row.try_get("first_at")?,
        })
    }
}

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[INSERT_EVENT, COUNT_EVENTS_OF, COUNT_EVENTS_FROM];
