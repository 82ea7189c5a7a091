//! The record of every download token, which is also what the limit counts.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Queries, Result};
use crate::domain::ids::{FileId, PurchaseId, SessionId, UserId};

/// Tokens one user may be given within [`WINDOW`].
pub const LIMIT: i64 = 60;

/// Any stretch of time as long as this holds at most [`LIMIT`] mints of a user.
pub const WINDOW: TimeDelta = TimeDelta::seconds(60);

/// A token that was given out; the token itself is kept nowhere.
#[derive(Clone, Debug)]
pub struct Mint {
    /// The token's own name: what "once" counts, and the request id of the delivery.
    pub jti: Uuid,
    /// To whom.
    pub user: UserId,
    /// For which file.
    pub file: FileId,
    /// By which right.
    pub purchase: PurchaseId,
    /// In which session.
    pub session: SessionId,
    /// For which download server.
    pub audience: String,
    /// When.
    pub minted_at: DateTime<Utc>,
    /// Until when it can be claimed.
    pub expires_at: DateTime<Utc>,
    /// Asked for from this address.
    pub ip: String,
}

/// Makes all other mints of `user` wait for the end of this transaction, on every app server.
///
/// Must be a statement of its own: only the next one sees what those before us recorded.
pub async fn lock_mints(db: &impl Queries, user: UserId) -> Result<()> {
    db.execute(LOCK_MINTS, &[&user]).await?;
    Ok(())
}

// An advisory lock, so that nothing else about the user waits.
const LOCK_MINTS: &str =
    "select pg_advisory_xact_lock(hashtextextended('claimcheck:mint:' || ($1::uuid)::text, 0))";

/// When `user`, having reached [`LIMIT`] at `now`, may be given another token.
pub async fn limited_until(
    db: &impl Queries,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let before_the_last = LIMIT - 1;
    let row = db
        .query_opt(LIMITED_UNTIL, &[&user, &(now - WINDOW), &before_the_last])
        .await?;
    let Some(row) = row else { return Ok(None) };
    let minted_at: DateTime<Utc> = row.try_get("minted_at")?;
    Ok(Some(minted_at + WINDOW))
}

const LIMITED_UNTIL: &str = "
    select minted_at from mints
     where user_id = $1 and minted_at > $2
     order by minted_at desc
    offset $3
     limit 1";

/// Whether the session goes on: not ended, of its user's present epoch, the account enabled.
pub async fn session_is_live(db: &impl Queries, session: SessionId) -> Result<bool> {
    Ok(db.query_opt(LIVE_SESSION, &[&session]).await?.is_some())
}

const LIVE_SESSION: &str = "
    select session_id from sessions join users using (user_id)
     where session_id = $1 and revoked_at is null and epoch = session_epoch and disabled_at is null";

/// Records a token.
pub async fn insert_mint(db: &impl Queries, mint: &Mint) -> Result<()> {
    let Mint {
        jti,
        user,
        file,
        purchase,
        session,
        audience,
        minted_at,
        expires_at,
        ip,
    } = mint;
    db.execute(
        INSERT_MINT,
        &[
            jti, user, file, purchase, session, audience, minted_at, expires_at, ip,
        ],
    )
    .await?;
    Ok(())
}

const INSERT_MINT: &str = "
    insert into mints (jti, user_id, file_id, purchase_id, session_id, audience, minted_at,
                       expires_at, ip)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[LOCK_MINTS, LIMITED_UNTIL, LIVE_SESSION, INSERT_MINT];
