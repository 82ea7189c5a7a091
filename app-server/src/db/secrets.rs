//! How a session goes on: used, under a new secret, after a new proof. Never brought back.

use chrono::{DateTime, Utc};

use super::{Parameter, Queries, Result, sessions::Place};
use crate::domain::{
    ids::{SessionId, UserId},
    rotation::ROTATION_INTERVAL,
};

/// A request that counts as use of a session.
pub struct Visit<'a> {
    /// Which session.
    pub session: SessionId,
    /// Whose; nobody's is a visitor's.
    pub user: Option<UserId>,
    /// SHA-256 of the secret that was shown.
    pub shown: &'a [u8; 32],
    /// When.
    pub now: DateTime<Utc>,
    /// When it ends now without another one.
    pub idle_expires_at: DateTime<Utc>,
    /// Where from.
    pub from: Place<'a>,
}

/// Notes a request; false when the session was ended meanwhile.
///
/// Visitors keep the address they began at: it is what they are counted by.
pub async fn update_last_seen(db: &impl Queries, visit: &Visit<'_>) -> Result<bool> {
    let parameters: [Parameter<'_>; 7] = [
        &visit.session,
        &visit.shown.as_slice(),
        &visit.now,
        &visit.idle_expires_at,
        &visit.from.ip,
        &visit.from.user_agent,
        &visit.from.country,
    ];
    Ok(db.execute(UPDATE_LAST_SEEN, &parameters).await? == 1)
}

const UPDATE_LAST_SEEN: &str = "
    update sessions
       set last_seen_at = $3, idle_expires_at = $4,
           ip = case when user_id is null then ip else $5 end, user_agent = $6, country = $7,
           secret_used_at = case when secret_hash = $2 then coalesce(secret_used_at, $3)
                                 else secret_used_at end
     where session_id = $1 and revoked_at is null";

/// What became of a secret that was to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// It was.
    Won,
    /// Another request came first.
    Lost,
    /// The session was ended meanwhile.
    Gone,
}

/// Replaces the secret that was shown, unless another request has just done so: of any number one
/// wins. What the session leaves behind is remembered.
///
/// Rotated are the present secret and, while that one was never seen, the one before.
pub async fn rotate_secret(
    db: &impl Queries,
    visit: &Visit<'_>,
    secret_hash: &[u8; 32],
) -> Result<Rotated> {
    let parameters: [Parameter<'_>; 9] = [
        &visit.session,
        &visit.shown.as_slice(),
        &visit.now,
        &visit.idle_expires_at,
        &visit.from.ip,
        &visit.from.user_agent,
        &visit.from.country,
        &secret_hash.as_slice(),
        &(visit.now - ROTATION_INTERVAL),
    ];
    let row = db.query_one(ROTATE_SECRET, &parameters).await?;
    let won: bool = row.try_get("won")?;
    let goes_on: bool = row.try_get("goes_on")?;
    Ok(match (won, goes_on) {
        (true, _) => Rotated::Won,
        (false, true) => Rotated::Lost,
        (false, false) => Rotated::Gone,
    })
}

const ROTATE_SECRET: &str = "
    with due as (
        select session_id, secret_hash, previous_hash from sessions
         where session_id = $1 and revoked_at is null and rotated_at <= $9
           and (secret_hash = $2 or previous_hash = $2 and secret_used_at is null)
           for update
    ), rotated as (
        update sessions
           set secret_hash = $8, previous_hash = $2, rotated_at = $3, secret_used_at = null,
               last_seen_at = $3, idle_expires_at = $4, ip = $5, user_agent = $6, country = $7
          from due
         where sessions.session_id = due.session_id
        returning 1
    ), spent as (
        insert into spent_secrets (secret_hash, session_id)
        select left_behind, session_id
          from due cross join unnest(array[secret_hash, previous_hash]) as left_behind
         where left_behind <> $2
    )
    select exists (select from rotated) as won,
           exists (select from sessions where session_id = $1 and revoked_at is null) as goes_on";

/// A secret that replaces all its session had: those are dead at once.
pub struct Renewal<'a> {
    /// Which session.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the secret it gets.
    pub secret_hash: &'a [u8; 32],
    /// What its forms carry from now on.
    pub csrf_token: &'a str,
    /// The user's epoch that the session must have; it goes on in the user's present one.
    pub epoch: i64,
    /// The last proof of the password.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Lets a session go on under a new secret; false when it was ended meanwhile, by itself or with
/// its epoch.
pub async fn renew_secret(db: &impl Queries, renewal: &Renewal<'_>) -> Result<bool> {
    let parameters: [Parameter<'_>; 6] = [
        &renewal.session,
        &renewal.secret_hash.as_slice(),
        &renewal.csrf_token,
        &renewal.now,
        &renewal.epoch,
        &renewal.confirmed_at,
    ];
    Ok(db.execute(RENEW_SECRET, &parameters).await? == 1)
}

const RENEW_SECRET: &str = "
    update sessions
       set secret_hash = $2, previous_hash = null, csrf_token = $3, rotated_at = $4,
           secret_used_at = $4, last_seen_at = $4, confirmed_at = $6,
           epoch = (select session_epoch from users where users.user_id = sessions.user_id)
     where session_id = $1 and revoked_at is null and epoch = $5";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[UPDATE_LAST_SEEN, ROTATE_SECRET, RENEW_SECRET];
