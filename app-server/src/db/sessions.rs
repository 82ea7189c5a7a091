//! Sessions: found by the hash of a secret, never by anything that could be guessed.
//!
//! Only [`crate::actions::sessions`] calls these; a second store can stand behind it. How a session
//! goes on under new secrets is in [`super::secrets`].

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    ids::{SessionId, UserId},
    rotation::{Shown, Which},
    session::{Listed, Session, Standing},
    user::{Role, User},
};

/// A session, and all that decides about it.
pub struct Record {
    /// The session with its user.
    pub session: Session,
    /// Whether it is over.
    pub standing: Standing,
    /// Whether the secret that led to it is still its own.
    pub shown: Shown,
}

/// The session that has, or has had, the secret of this hash.
///
/// Cost: one round trip. A BitmapOr over two unique indexes, then session and user by primary key;
/// one more index only for a secret that is neither a session's present nor its previous one.
pub async fn find_session(db: &impl Queries, secret_hash: &[u8; 32]) -> Result<Option<Record>> {
    let row = db
        .query_opt(FIND_SESSION, &[&secret_hash.as_slice()])
        .await?;
    row.map(|row| {
        Ok(Record {
            session: session(&row)?,
            standing: standing(&row)?,
            shown: shown(&row, secret_hash)?,
        })
    })
    .transpose()
}

const FIND_SESSION: &str = "
    select session_id, sessions.created_at, last_seen_at, idle_expires_at, absolute_expires_at,
           remembered, confirmed_at, csrf_token, revoked_reason, epoch,
           user_id, email, name, role, session_epoch, disabled_at, second_factor_at,
           secret_hash = $1 as is_present, previous_hash = $1 as is_previous,
           rotated_at, secret_used_at
      from sessions
      left join users using (user_id)
     where session_id = coalesce(
        (select session_id from sessions where secret_hash = $1 or previous_hash = $1),
        (select session_id from spent_secrets where secret_hash = $1))";

/// A session about to begin.
pub struct NewSession<'a> {
    /// What lists and logs will name it by, its lifetime, its user.
    pub session: &'a Session,
    /// SHA-256 of the cookie's value.
    pub secret_hash: [u8; 32],
    /// The user's epoch; none without a user.
    pub epoch: Option<i64>,
    /// Where it was begun from.
    pub from: Place<'a>,
}

/// Where a request comes from.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The client's address.
    pub ip: &'a str,
    /// By which program.
    pub user_agent: &'a str,
    /// Two letters, if they are known.
    pub country: Option<&'a str>,
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
            &new.from.ip,
            &new.from.user_agent,
            &new.from.country,
        ],
    )
    .await?;
    Ok(())
}

const INSERT_SESSION: &str = "
    insert into sessions (session_id, user_id, secret_hash, rotated_at, secret_used_at, created_at,
                          last_seen_at, idle_expires_at, absolute_expires_at, remembered,
                          confirmed_at, epoch, csrf_token, ip, user_agent, country)
    values ($1, $2, $3, $4, $4, $4, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// The sessions of a user that go on, the last used first.
pub async fn list_sessions(
    db: &impl Queries,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<Listed>> {
    let rows = db.query(LIST_SESSIONS, &[&user, &now]).await?;
    rows.into_iter().map(Listed::try_from).collect()
}

const LIST_SESSIONS: &str = "
    select session_id, sessions.created_at, last_seen_at, idle_expires_at, absolute_expires_at,
           remembered, ip, country, user_agent
      from sessions join users using (user_id)
     where user_id = $1 and revoked_at is null and epoch = session_epoch
       and idle_expires_at > $2 and absolute_expires_at > $2
     order by last_seen_at desc, session_id";

/// Ends one session; the first reason stays. False when it was over, or is nobody's or another's.
pub async fn revoke_session(
    db: &impl Queries,
    session: SessionId,
    owner: UserId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let parameters: [super::Parameter<'_>; 4] = [&session, &owner, &reason, &now];
    Ok(db.execute(REVOKE_SESSION, &parameters).await? == 1)
}

const REVOKE_SESSION: &str = "
    update sessions set revoked_at = $4, revoked_reason = $3
      from users
     where session_id = $1 and sessions.user_id = $2 and users.user_id = $2
       and revoked_at is null and epoch = session_epoch
       and idle_expires_at > $4 and absolute_expires_at > $4";

/// Ends all sessions of a user, or all but `spared`; how many.
pub async fn revoke_others(
    db: &impl Queries,
    user: UserId,
    spared: Option<SessionId>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<u64> {
    let parameters: [super::Parameter<'_>; 4] = [&user, &spared, &reason, &now];
    db.execute(REVOKE_OTHERS, &parameters).await
}

const REVOKE_OTHERS: &str = "
    update sessions set revoked_at = $4, revoked_reason = $3
     where user_id = $1 and revoked_at is null and session_id is distinct from $2";

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
    LIST_SESSIONS,
    REVOKE_SESSION,
    REVOKE_OTHERS,
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

/// The user of a row of `users`, whose identifier is known.
pub(super) fn user(row: &Row, id: UserId) -> Result<User> {
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

fn shown(row: &Row, hash: &[u8; 32]) -> Result<Shown> {
    let is_present: bool = row.try_get("is_present")?;
    let is_previous: Option<bool> = row.try_get("is_previous")?;
    let which = if is_present {
        Which::Present
    } else if is_previous == Some(true) {
        Which::Previous
    } else {
        Which::Past
    };
    Ok(Shown {
        hash: *hash,
        which,
        rotated_at: row.try_get("rotated_at")?,
        used_at: row.try_get("secret_used_at")?,
    })
}

impl TryFrom<Row> for Listed {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.try_get("session_id")?,
            created_at: row.try_get("created_at")?,
            last_seen_at: row.try_get("last_seen_at")?,
            idle_expires_at: row.try_get("idle_expires_at")?,
            absolute_expires_at: row.try_get("absolute_expires_at")?,
            remembered: row.try_get("remembered")?,
            ip: row.try_get("ip")?,
            country: row.try_get("country")?,
            user_agent: row.try_get("user_agent")?,
        })
    }
}
