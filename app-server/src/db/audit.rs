//! The audit log: rows are added, read, and forgotten by age; never changed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    audit::Event,
    ids::{EventId, SessionId, UserId},
    user_agent,
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
    let first = EventId::first_at(since);
    let parameters: [super::Parameter<'_>; 4] = [&user, &event.as_str(), &since, &first];
    let row = db.query_opt(USER_EVENT_EXISTS, &parameters).await?;
    Ok(row.is_some())
}

const USER_EVENT_EXISTS: &str = "
    select event_id from audit_events
     where user_id = $1 and event = $2 and at > $3 and event_id >= $4
     limit 1";

/// A row, as those read it who may.
pub struct StoredEvent {
    /// Its own identifier, in the order of time.
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: Event,
    /// Whose account, and its present address.
    pub user: Option<(UserId, String)>,
    /// Who did it, when somebody else, and their present address.
    pub actor: Option<(UserId, String)>,
    /// By which session.
    pub session: Option<SessionId>,
    /// From which address; empty when forgotten.
    pub ip: String,
    /// With which program; empty when forgotten.
    pub user_agent: String,
    /// What else is worth knowing.
    pub details: Value,
}

impl StoredEvent {
    /// With which program, in words.
    pub fn device(&self) -> String {
        user_agent::in_words(&self.user_agent)
    }

    /// Whether more is known than the columns say.
    pub fn has_details(&self) -> bool {
        self.details
            .as_object()
            .is_some_and(|details| !details.is_empty())
    }
}

/// Which rows; what is none does not matter.
#[derive(Default)]
pub struct EventFilter {
    /// Of this event.
    pub event: Option<Event>,
    /// About this user, or done by them.
    pub user: Option<UserId>,
    /// By this session.
    pub session: Option<SessionId>,
    /// From this address.
    pub ip: Option<String>,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
}

macro_rules! event_columns {
    () => {
        "select event_id, at, event, audit_events.user_id, users.email, actor_id,
                actors.email as actor_email, session_id, ip, user_agent, details
           from audit_events
           left join users using (user_id)
           left join users actors on actors.user_id = actor_id "
    };
}

/// What happened to `user`, the newest first.
pub async fn list_user_events(
    db: &impl Queries,
    user: UserId,
    after: Option<EventId>,
    limit: i64,
) -> Result<Vec<StoredEvent>> {
    let rows = db.query(LIST_USER_EVENTS, &[&user, &after, &limit]).await?;
    rows.into_iter().map(StoredEvent::try_from).collect()
}

const LIST_USER_EVENTS: &str = concat!(
    event_columns!(),
    "where audit_events.user_id = $1 and ($2::uuid is null or event_id < $2)
     order by event_id desc
     limit $3"
);

/// What happened to anybody, the newest first.
pub async fn list_events(
    db: &impl Queries,
    filter: &EventFilter,
    after: Option<EventId>,
    limit: i64,
) -> Result<Vec<StoredEvent>> {
    let EventFilter {
        event,
        user,
        session,
        ip,
        from,
        until,
    } = filter;
    let event = event.map(Event::as_str);
    let from = from.map(EventId::first_at);
    let until = until.map(EventId::first_at);
    let parameters: [super::Parameter<'_>; 8] =
        [&event, user, session, ip, &from, &until, &after, &limit];
    let rows = db.query(LIST_EVENTS, &parameters).await?;
    rows.into_iter().map(StoredEvent::try_from).collect()
}

const LIST_EVENTS: &str = concat!(
    event_columns!(),
    "where ($1::text is null or event = $1)
       and ($2::uuid is null or audit_events.user_id = $2 or actor_id = $2)
       and ($3::uuid is null or session_id = $3)
       and ($4::text is null or ip = $4)
       and ($5::uuid is null or event_id >= $5)
       and ($6::uuid is null or event_id < $6)
       and ($7::uuid is null or event_id < $7)
     order by event_id desc
     limit $8"
);

/// How many such events of this user there were after `since`.
pub async fn count_user_events(
    db: &impl Queries,
    user: UserId,
    event: Event,
    since: DateTime<Utc>,
) -> Result<i64> {
    let first = EventId::first_at(since);
    let parameters: [super::Parameter<'_>; 4] = [&user, &event.as_str(), &since, &first];
    let row = db.query_one(COUNT_USER_EVENTS, &parameters).await?;
    Ok(row.try_get("n_events")?)
}

const COUNT_USER_EVENTS: &str = "
    select count(*) as n_events from audit_events
     where user_id = $1 and event = $2 and at > $3 and event_id >= $4";

impl TryFrom<Row> for StoredEvent {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        let event: &str = row.try_get("event")?;
        let user: Option<UserId> = row.try_get("user_id")?;
        let email: Option<String> = row.try_get("email")?;
        let actor: Option<UserId> = row.try_get("actor_id")?;
        let actor_email: Option<String> = row.try_get("actor_email")?;
        Ok(Self {
            id: row.try_get("event_id")?,
            at: row.try_get("at")?,
            event: Event::parse(event).ok_or(DbError::Inconsistent {
                table: "audit_events",
                column: "event",
            })?,
            user: user.map(|user| (user, email.unwrap_or_default())),
            actor: actor.map(|actor| (actor, actor_email.unwrap_or_default())),
            session: row.try_get("session_id")?,
            ip: row.try_get("ip")?,
            user_agent: row.try_get("user_agent")?,
            details: row.try_get("details")?,
        })
    }
}

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    INSERT_EVENT,
    USER_EVENT_EXISTS,
    LIST_USER_EVENTS,
    LIST_EVENTS,
    COUNT_USER_EVENTS,
];
