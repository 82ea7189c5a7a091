//! Sign-ins whose password was right and whose code is still to come.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::ids::UserId;

/// A sign-in that waits for a code.
pub struct PendingSignIn {
    /// Whose.
    pub user: UserId,
    /// The user's epoch when the password was right.
    pub epoch: i64,
    /// "Remember me".
    pub remembered: bool,
    /// Codes tried so far.
    pub n_attempts: i32,
}

/// Begins to wait.
pub async fn insert_pending(
    db: &impl Queries,
    secret_hash: &[u8; 32],
    pending: &PendingSignIn,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    let parameters: [super::Parameter<'_>; 6] = [
        &secret_hash.as_slice(),
        &pending.user,
        &pending.epoch,
        &pending.remembered,
        &pending.n_attempts,
        &expires_at,
    ];
    db.execute(INSERT_PENDING, &parameters).await?;
    Ok(())
}

const INSERT_PENDING: &str = "
    insert into pending_sign_ins (secret_hash, user_id, epoch, remembered, n_attempts, expires_at)
    values ($1, $2, $3, $4, $5, $6)";

/// Who waits under this secret, and their address in lower case; nothing when that has expired,
/// was tried `most` times, or their sessions were ended meanwhile.
pub async fn find_waiting(
    db: &impl Queries,
    secret_hash: &[u8; 32],
    most: i32,
    now: DateTime<Utc>,
) -> Result<Option<(UserId, String)>> {
    let row = db
        .query_opt(FIND_WAITING, &[&secret_hash.as_slice(), &most, &now])
        .await?;
    row.map(|row| Ok((row.try_get("user_id")?, row.try_get("email_key")?)))
        .transpose()
}

const FIND_WAITING: &str = "
    select user_id, email_key
      from pending_sign_ins join users using (user_id)
     where secret_hash = $1 and n_attempts < $2 and expires_at > $3
       and epoch = session_epoch and disabled_at is null and must_reset_at is null";

/// Counts one more code that is tried, before it is looked at; locks the row until the transaction
/// ends, so that parallel tries count one after the other. Nothing when there is none, or no more.
pub async fn count_attempt(
    db: &impl Queries,
    secret_hash: &[u8; 32],
    most: i32,
    now: DateTime<Utc>,
) -> Result<Option<PendingSignIn>> {
    let row = db
        .query_opt(COUNT_ATTEMPT, &[&secret_hash.as_slice(), &most, &now])
        .await?;
    row.map(PendingSignIn::try_from).transpose()
}

const COUNT_ATTEMPT: &str = "
    update pending_sign_ins set n_attempts = n_attempts + 1
     where secret_hash = $1 and n_attempts < $2 and expires_at > $3
 returning user_id, epoch, remembered, n_attempts";

/// Ends the wait.
pub async fn delete_pending(db: &impl Queries, secret_hash: &[u8; 32]) -> Result<()> {
    db.execute(DELETE_PENDING, &[&secret_hash.as_slice()])
        .await?;
    Ok(())
}

const DELETE_PENDING: &str = "delete from pending_sign_ins where secret_hash = $1";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[INSERT_PENDING, FIND_WAITING, COUNT_ATTEMPT, DELETE_PENDING];

impl TryFrom<Row> for PendingSignIn {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            user: row.try_get("user_id")?,
            epoch: row.try_get("epoch")?,
            remembered: row.try_get("remembered")?,
            n_attempts: row.try_get("n_attempts")?,
        })
    }
}
