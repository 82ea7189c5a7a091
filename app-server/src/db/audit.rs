//! The audit log: rows are added, read, and forgotten by age; never changed.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Queries, Result};
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

/// Whether such an event of this user was written down after `since`.
pub async fn user_event_exists(
    db: &impl Queries,
    user: UserId,
    event: Event,
    since: DateTime<Utc>,
) -> Result<bool> {
    // Identifiers are in the order of time: the index is walked from there.
    let first = EventId::generate(since);
    let parameters: [super::Parameter<'_>; 4] = [&user, &event.as_str(), &since, &first];
    let row = db.query_opt(USER_EVENT_EXISTS, &parameters).await?;
    Ok(row.is_some())
}

const USER_EVENT_EXISTS: &str = "
    select event_id from audit_events
     where user_id = $1 and event = $2 and at > $3 and event_id >= $4
     limit 1";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[INSERT_EVENT, USER_EVENT_EXISTS];
