//! Writing down what happened to accounts.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::sessions::Origin;
use crate::{
    db::{
        self, Queries,
        audit::{NewEvent, insert_event, user_event_exists},
        outbox::{NewMail, insert_mail},
    },
    domain::{
        audit::Event,
        ids::{SessionId, UserId},
        mail::Letter,
    },
};

/// Something worth writing down.
pub struct Entry<'a> {
    /// What.
    pub event: Event,
    /// Whose account; none when there is no such account.
    pub user: Option<UserId>,
    /// Who did it, when somebody else.
    pub actor: Option<UserId>,
    /// By which session.
    pub session: Option<SessionId>,
    /// From where.
    pub origin: &'a Origin,
    /// What else is worth knowing; never a secret, never an address that is no account's.
    pub details: Value,
}

/// Writes it down, in the caller's transaction where there is one, and as a line of the log.
///
/// # Errors
/// The database's: what cannot be written down is not done.
pub async fn record(db: &impl Queries, at: DateTime<Utc>, entry: Entry<'_>) -> db::Result<()> {
    let origin = entry.origin.stored();
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string());
    tracing::info!(
        event = entry.event.as_str(),
        user.id = id(entry.user.map(|user| user.0)),
        actor.id = id(entry.actor.map(|actor| actor.0)),
        session.id = id(entry.session.map(|session| session.0)),
        ip = origin.ip,
        "audit"
    );
    insert_event(
        db,
        &NewEvent {
            at,
            event: entry.event,
            user: entry.user,
            actor: entry.actor,
            session: entry.session,
            ip: &origin.ip,
            user_agent: &origin.user_agent,
            details: &entry.details,
        },
    )
    .await
}

/// Writes it down and tells the account's owner, if there is an account, by a letter to `recipient`;
/// both in the caller's transaction.
///
/// # Errors
/// The database's.
pub async fn record_and_tell(
    tx: &impl Queries,
    at: DateTime<Utc>,
    entry: Entry<'_>,
    letter: Letter,
    recipient: &str,
) -> db::Result<()> {
    let (user, session) = (entry.user, entry.session);
    record(tx, at, entry).await?;
    if let Some(user) = user {
        let mail = NewMail {
            letter,
            user,
            recipient,
            session,
            at,
        };
        insert_mail(tx, &mail).await?;
    }
    Ok(())
}

/// Of a user's refusals of one kind, one in this time is written down: whoever asks in a loop fills
/// no table. The log has a line for each.
pub const REFUSALS_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Writes a refusal down, unless one like it was a moment ago.
///
/// # Errors
/// The database's.
pub async fn record_refusal(
    db: &impl Queries,
    at: DateTime<Utc>,
    entry: Entry<'_>,
) -> db::Result<()> {
    let since = at - REFUSALS_EVERY;
    if let Some(user) = entry.user
        && user_event_exists(db, user, entry.event, since).await?
    {
        return Ok(());
    }
    record(db, at, entry).await
}
