//! Sessions: found by the hash of a secret, never by anything that could be guessed.
//!
//! Only [`crate::actions::sessions`] calls these; a second store can stand behind it.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    ids::{SessionId, UserId},
    session::{Session, Standing},
    user::{Role, User},
};

/// The session whose secret has this hash, with its user and what decides whether it is over.
///
/// Cost: one round trip; a BitmapOr over two unique indexes, then the user by primary key.
pub async fn find_session(
    db: &impl Queries,
    secret_hash: &[u8; 32],
) -> Result<Option<(Session, Standing)>> {
    let row = db
        .query_opt(FIND_SESSION, &[&secret_hash.as_slice()])
        .await?;
    row.map(|row| Ok((session(&row)?, standing(&row)?)))
        .transpose()
}

const FIND_SESSION: &str = "
    select session_id, sessions.created_at, last_seen_at, idle_expires_at, absolute_expires_at,
           remembered, confirmed_at, csrf_token, revoked_reason, epoch,
           user_id, email, name, role, session_epoch, disabled_at, second_factor_at
      from sessions
      left join users using (user_id)
     where secret_hash = $1 or previous_hash = $1";

/// A session about to begin.
pub struct NewSession<'a> {
    /// What lists and logs will name it by, its lifetime, its user.
    pub session: &'a Session,
    /// SHA-256 of the cookie's value.
    pub secret_hash: [u8; 32],
    /// The user's epoch; none without a user.
    pub epoch: Option<i64>,
    /// Where it was begun from.
    pub ip: &'a str,
    /// By which program.
    pub user_agent: &'a str,
}

/// Begins a session.
pub async fn insert_session(db: &impl Queries, new: &NewSession<'_>) -> Result<()> {
    let session = new.session;
    db.execute(
        INSERT_SESSION,
        &[
            &session.id,
            &session.user_id(),
            &new.secret_hash.as_slice(),
            &session.created_at,
            &session.idle_expires_at,
            &session.absolute_expires_at,
            &session.remembered,
            &session.confirmed_at,
            &new.epoch,
            &session.csrf_token,
            &new.ip,
            &new.user_agent,
        ],
    )
    .await?;
    Ok(())
}

const INSERT_SESSION: &str = "
    insert into sessions (session_id, user_id, secret_hash, rotated_at, created_at, last_seen_at,
                          idle_expires_at, absolute_expires_at, remembered, confirmed_at, epoch,
                          csrf_token, ip, user_agent)
    values ($1, $2, $3, $4, $4, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// Notes a request; false when the session was ended meanwhile. Never brings one back.
pub async fn update_last_seen(
    db: &impl Queries,
    session: SessionId,
    now: DateTime<Utc>,
    idle_expires_at: DateTime<Utc>,
) -> Result<bool> {
    Ok(db
        .execute(UPDATE_LAST_SEEN, &[&session, &now, &idle_expires_at])
        .await?
        == 1)
}

const UPDATE_LAST_SEEN: &str = "
    update sessions
       set last_seen_at = $2, idle_expires_at = $3,
           secret_used_at = coalesce(secret_used_at, $2)
     where session_id = $1 and revoked_at is null";

/// Gives a session that goes on a new secret, CSRF token and the user's new epoch.
///
/// `epoch` is the user's before it was raised: a session of an earlier one was ended meanwhile and
/// stays so. False then, and when it was ended by itself.
pub async fn update_secret(
    db: &impl Queries,
    session: SessionId,
    secret_hash: &[u8; 32],
    csrf_token: &str,
    epoch: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let parameters: [super::Parameter<'_>; 5] =
        [&session, &secret_hash.as_slice(), &csrf_token, &now, &epoch];
    Ok(db.execute(UPDATE_SECRET, &parameters).await? == 1)
}

const UPDATE_SECRET: &str = "
    update sessions
       set secret_hash = $2, previous_hash = null, csrf_token = $3, rotated_at = $4,
           secret_used_at = null, last_seen_at = $4, confirmed_at = $4,
           epoch = (select session_epoch from users where users.user_id = sessions.user_id)
     where session_id = $1 and revoked_at is null and epoch = $5";

/// Ends one session; the first reason stays.
pub async fn revoke_session(
    db: &impl Queries,
    session: SessionId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    db.execute(REVOKE_SESSION, &[&session, &reason, &now])
        .await?;
    Ok(())
}

const REVOKE_SESSION: &str = "
    update sessions set revoked_at = $3, revoked_reason = $2
     where session_id = $1 and revoked_at is null";

/// Ends a user's idlest sessions until `keep` are left.
pub async fn revoke_idlest(
    db: &impl Queries,
    user: UserId,
    keep: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<u64> {
    db.execute(REVOKE_IDLEST, &[&user, &keep, &reason, &now])
        .await
}

const REVOKE_IDLEST: &str = "
    update sessions set revoked_at = $4, revoked_reason = $3
     where session_id in (
        select session_id from sessions join users using (user_id)
         where user_id = $1 and revoked_at is null and epoch = session_epoch
           and idle_expires_at > $4 and absolute_expires_at > $4
         order by last_seen_at desc, session_id
        offset $2)";

/// Forgets the session of a visitor who became somebody.
pub async fn delete_anonymous_session(db: &impl Queries, session: SessionId) -> Result<()> {
    db.execute(DELETE_ANONYMOUS_SESSION, &[&session]).await?;
    Ok(())
}

const DELETE_ANONYMOUS_SESSION: &str =
    "delete from sessions where session_id = $1 and user_id is null";

/// How many anonymous sessions an address began since `since`, and when the first of them was.
pub async fn count_anonymous(
    db: &impl Queries,
    ip: &str,
    since: DateTime<Utc>,
) -> Result<(i64, Option<DateTime<Utc>>)> {
    let row = db.query_one(COUNT_ANONYMOUS, &[&ip, &since]).await?;
    Ok((row.try_get("n_sessions")?, row.try_get("first_at")?))
}

const COUNT_ANONYMOUS: &str = "
    select count(*) as n_sessions, min(created_at) as first_at
      from sessions where user_id is null and ip = $1 and created_at > $2";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    FIND_SESSION,
    INSERT_SESSION,
    UPDATE_LAST_SEEN,
    UPDATE_SECRET,
    REVOKE_SESSION,
    REVOKE_IDLEST,
    DELETE_ANONYMOUS_SESSION,
    COUNT_ANONYMOUS,
];

fn session(row: &Row) -> Result<Session> {
    let user_id: Option<UserId> = row.try_get("user_id")?;
    let user = user_id.map(|id| user(row, id)).transpose()?;
    Ok(Session {
        id: row.try_get("session_id")?,
        user,
        created_at: row.try_get("created_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
        idle_expires_at: row.try_get("idle_expires_at")?,
        absolute_expires_at: row.try_get("absolute_expires_at")?,
        remembered: row.try_get("remembered")?,
        confirmed_at: row.try_get("confirmed_at")?,
        csrf_token: row.try_get("csrf_token")?,
    })
}

fn user(row: &Row, id: UserId) -> Result<User> {
    let role: String = row.try_get("role")?;
    Ok(User {
        id,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: Role::parse(&role).ok_or(DbError::Inconsistent {
            table: "users",
            column: "role",
        })?,
        second_factor: row
            .try_get::<_, Option<DateTime<Utc>>>("second_factor_at")?
            .is_some(),
    })
}

fn standing(row: &Row) -> Result<Standing> {
    let begun: Option<i64> = row.try_get("epoch")?;
    let present: Option<i64> = row.try_get("session_epoch")?;
    let disabled_at: Option<DateTime<Utc>> = row.try_get("disabled_at")?;
    Ok(Standing {
        revoked_reason: row.try_get("revoked_reason")?,
        epochs: begun.zip(present),
        disabled: disabled_at.is_some(),
    })
}
