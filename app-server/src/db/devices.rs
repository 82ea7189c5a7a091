//! Known browsers.

use chrono::{DateTime, Utc};

use super::{Queries, Result};
use crate::domain::{
    device::{KEPT, MAX_PER_USER},
    ids::UserId,
};

/// Gives a browser a new secret, for all users it is known to.
pub async fn update_secret(db: &impl Queries, old: &[u8; 32], new: &[u8; 32]) -> Result<()> {
    db.execute(UPDATE_SECRET, &[&old.as_slice(), &new.as_slice()])
        .await?;
    Ok(())
}

const UPDATE_SECRET: &str = "update devices set secret_hash = $2 where secret_hash = $1";

/// Lets a browser be known to `user` from now on; whatever it failed at is forgotten.
pub async fn insert_device(
    db: &impl Queries,
    secret_hash: &[u8; 32],
    user: UserId,
    now: DateTime<Utc>,
) -> Result<()> {
    let parameters: [super::Parameter<'_>; 4] =
        [&secret_hash.as_slice(), &user, &now, &(now + KEPT)];
    db.execute(INSERT_DEVICE, &parameters).await?;
    Ok(())
}

const INSERT_DEVICE: &str = "
    insert into devices (secret_hash, user_id, signed_in_at, expires_at, n_failures)
    values ($1, $2, $3, $4, 0)
        on conflict (secret_hash, user_id) do update
       set signed_in_at = excluded.signed_in_at, expires_at = excluded.expires_at,
           n_failures = 0, held_until = null";

/// Forgets the browsers of `user` that were longest without a sign-in, beyond the cap.
pub async fn delete_oldest(db: &impl Queries, user: UserId) -> Result<()> {
    db.execute(DELETE_OLDEST, &[&user, &MAX_PER_USER]).await?;
    Ok(())
}

const DELETE_OLDEST: &str = "
    delete from devices
     where user_id = $1 and secret_hash in (
        select secret_hash from devices where user_id = $1
         order by signed_in_at desc, secret_hash offset $2)";

/// Forgets every browser of `user`.
pub async fn delete_all(db: &impl Queries, user: UserId) -> Result<()> {
    db.execute(DELETE_ALL, &[&user]).await?;
    Ok(())
}

const DELETE_ALL: &str = "delete from devices where user_id = $1";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[UPDATE_SECRET, INSERT_DEVICE, DELETE_OLDEST, DELETE_ALL];
