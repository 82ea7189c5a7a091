//! What PostgreSQL knows of sessions that are kept in another store: their users, and which of them
//! were ended.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Parameter, Queries, Result, sessions::user};
use crate::domain::{
    ids::{SessionId, UserId},
    user::User,
};

/// Whose session it is, and what decides about it beside the session itself.
pub struct Holder {
    /// Who.
    pub user: User,
    /// The epoch their sessions must have.
    pub session_epoch: i64,
    /// The account is disabled.
    pub disabled: bool,
    /// Why the session was ended, if it was.
    pub ended_reason: Option<String>,
}

/// The user of a session.
///
/// Cost: one round trip; two primary keys.
pub async fn find_holder(
    db: &impl Queries,
    user_id: UserId,
    session: SessionId,
) -> Result<Option<Holder>> {
    let row = db.query_opt(FIND_HOLDER, &[&user_id, &session]).await?;
    row.map(|row| {
        let disabled_at: Option<DateTime<Utc>> = row.try_get("disabled_at")?;
        Ok(Holder {
            user: user(&row, user_id)?,
            session_epoch: row.try_get("session_epoch")?,
            disabled: disabled_at.is_some(),
            ended_reason: row.try_get("reason")?,
        })
    })
    .transpose()
}

const FIND_HOLDER: &str = "
    select email, name, role, session_epoch, disabled_at, second_factor_at,
           (select reason from ended_sessions where session_id = $2) as reason
      from users where user_id = $1";

/// The user's epoch as this transaction sees it, and which of `sessions` were ended; nothing when
/// the account is disabled.
pub async fn find_epoch(
    db: &impl Queries,
    user: UserId,
    sessions: &[SessionId],
) -> Result<Option<(i64, Vec<Uuid>)>> {
    let sessions: Vec<Uuid> = sessions.iter().map(|session| session.0).collect();
    let row = db.query_opt(FIND_EPOCH, &[&user, &sessions]).await?;
    row.map(|row| Ok((row.try_get("session_epoch")?, row.try_get("ended")?)))
        .transpose()
}

const FIND_EPOCH: &str = "
    select session_epoch,
           array(select session_id from ended_sessions where session_id = any($2)) as ended
      from users where user_id = $1 and disabled_at is null";

/// Writes down that a session was ended; the first reason stays. False when it had been.
pub async fn insert_ended(
    db: &impl Queries,
    session: SessionId,
    user: UserId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let parameters: [Parameter<'_>; 4] = [&session, &user, &reason, &now];
    Ok(db.execute(INSERT_ENDED, &parameters).await? == 1)
}

const INSERT_ENDED: &str = "
    insert into ended_sessions (session_id, user_id, reason, ended_at) values ($1, $2, $3, $4)
        on conflict (session_id) do nothing";

/// Ends the sessions of users that are still kept here, from a time before they were kept elsewhere.
pub async fn revoke_left_behind(db: &impl Queries, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    db.execute(REVOKE_LEFT_BEHIND, &[&now, &limit]).await
}

const REVOKE_LEFT_BEHIND: &str = "
    update sessions set revoked_at = $1, revoked_reason = 'moved'
     where session_id in (
        select session_id from sessions
         where user_id is not null and revoked_at is null and absolute_expires_at > $1
         limit $2
           for update skip locked)";

/// Forgets those that were ended before `before`: by then their store has forgotten them too.
pub async fn delete_ended(db: &impl Queries, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    db.execute(DELETE_ENDED, &[&before, &limit]).await
}

const DELETE_ENDED: &str = "
    delete from ended_sessions
     where session_id in (
        select session_id from ended_sessions
         where ended_at < $1
         order by ended_at
         limit $2
           for update skip locked)";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    FIND_HOLDER,
    FIND_EPOCH,
    INSERT_ENDED,
    REVOKE_LEFT_BEHIND,
    DELETE_ENDED,
];
