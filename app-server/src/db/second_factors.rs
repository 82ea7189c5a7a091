//! Second factors: sealed secrets, the one in force and the one that is being set up.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{ids::UserId, sealing::Sealed};

/// A second factor in force.
pub struct SecondFactor {
    /// The secret shared with the app.
    pub secret: Sealed,
    /// Since when.
    pub enrolled_at: DateTime<Utc>,
    /// The step of the latest code that was taken.
    pub last_step: i64,
}

/// The second factor of a user.
pub async fn find_factor(db: &impl Queries, user: UserId) -> Result<Option<SecondFactor>> {
    let row = db.query_opt(FIND_FACTOR, &[&user]).await?;
    row.map(SecondFactor::try_from).transpose()
}

const FIND_FACTOR: &str = "
    select key_id, sealed, enrolled_at, last_step from second_factors where user_id = $1";

/// Puts a factor in force, in place of an earlier one; its user's flag, read with each session,
/// follows, and all sessions end.
///
/// `last_step` is that of the code which proved that the app has the secret.
pub async fn upsert_factor(
    db: &impl Queries,
    user: UserId,
    secret: &Sealed,
    last_step: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let parameters: [super::Parameter<'_>; 5] =
        [&user, &secret.key_id, &secret.bytes, &now, &last_step];
    db.execute(UPSERT_FACTOR, &parameters).await?;
    db.execute(SET_FLAG, &[&user, &now]).await?;
    Ok(())
}

const UPSERT_FACTOR: &str = "
    insert into second_factors (user_id, key_id, sealed, enrolled_at, last_step)
    values ($1, $2, $3, $4, $5)
        on conflict on constraint second_factors_pkey do update
       set key_id = $2, sealed = $3, enrolled_at = $4, last_step = $5";

const SET_FLAG: &str = "
    update users set second_factor_at = $2, session_epoch = session_epoch + 1 where user_id = $1";

/// Takes a step's code, once; false when it, or a later one, was taken before.
pub async fn update_last_step(db: &impl Queries, user: UserId, step: i64) -> Result<bool> {
    Ok(db.execute(UPDATE_LAST_STEP, &[&user, &step]).await? == 1)
}

const UPDATE_LAST_STEP: &str = "
    update second_factors set last_step = $2 where user_id = $1 and last_step < $2";

/// Replaces the seal around the secret by a newer one, unless the secret was replaced meanwhile.
pub async fn update_sealed(
    db: &impl Queries,
    user: UserId,
    old: &Sealed,
    new: &Sealed,
) -> Result<bool> {
    let parameters: [super::Parameter<'_>; 4] = [&user, &old.bytes, &new.key_id, &new.bytes];
    Ok(db.execute(UPDATE_SEALED, &parameters).await? == 1)
}

const UPDATE_SEALED: &str = "
    update second_factors set key_id = $3, sealed = $4 where user_id = $1 and sealed = $2";

/// Removes a user's factor, the one being set up, and the recovery codes, and ends all sessions;
/// false when there was no factor in force.
pub async fn delete_factor(db: &impl Queries, user: UserId) -> Result<bool> {
    db.execute(DELETE_PENDING, &[&user]).await?;
    db.execute(DELETE_CODES, &[&user]).await?;
    db.execute(UNSET_FLAG, &[&user]).await?;
    Ok(db.execute(DELETE_FACTOR, &[&user]).await? == 1)
}

const DELETE_FACTOR: &str = "delete from second_factors where user_id = $1";

const DELETE_CODES: &str = "delete from recovery_codes where user_id = $1";

const UNSET_FLAG: &str = "
    update users set second_factor_at = null, session_epoch = session_epoch + 1 where user_id = $1";

/// The factor that `user` is setting up, unless it has expired.
pub async fn find_pending(
    db: &impl Queries,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Sealed>> {
    let row = db.query_opt(FIND_PENDING, &[&user, &now]).await?;
    row.as_ref().map(sealed).transpose()
}

const FIND_PENDING: &str = "
    select key_id, sealed from pending_factors where user_id = $1 and expires_at > $2";

/// Begins to set up a factor, in place of one that was begun before.
pub async fn upsert_pending(
    db: &impl Queries,
    user: UserId,
    secret: &Sealed,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    let parameters: [super::Parameter<'_>; 4] = [&user, &secret.key_id, &secret.bytes, &expires_at];
    db.execute(UPSERT_PENDING, &parameters).await?;
    Ok(())
}

const UPSERT_PENDING: &str = "
    insert into pending_factors (user_id, key_id, sealed, expires_at) values ($1, $2, $3, $4)
        on conflict on constraint pending_factors_pkey do update
       set key_id = $2, sealed = $3, expires_at = $4";

/// Forgets the factor that is being set up; false when another was begun, or this one finished.
pub async fn delete_pending(db: &impl Queries, user: UserId, secret: &Sealed) -> Result<bool> {
    Ok(db
        .execute(DELETE_THIS_PENDING, &[&user, &secret.bytes])
        .await?
        == 1)
}

const DELETE_THIS_PENDING: &str = "delete from pending_factors where user_id = $1 and sealed = $2";

const DELETE_PENDING: &str = "delete from pending_factors where user_id = $1";

/// The names of all keys that factors in force are sealed under, and how many each.
pub async fn list_keys(db: &impl Queries) -> Result<Vec<(String, i64)>> {
    let rows = db.query(LIST_KEYS, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("key_id")?, row.try_get("n_factors")?)))
        .collect()
}

const LIST_KEYS: &str = "
    select key_id, count(*) as n_factors from second_factors group by key_id order by key_id";

/// Some factors that are not sealed under `key_id`, in the order of their users, after `after`.
pub async fn list_outdated(
    db: &impl Queries,
    key_id: &str,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<(UserId, Sealed)>> {
    let rows = db.query(LIST_OUTDATED, &[&key_id, &after, &limit]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("user_id")?, sealed(row)?)))
        .collect()
}

const LIST_OUTDATED: &str = "
    select user_id, key_id, sealed from second_factors
     where key_id <> $1 and ($2::uuid is null or user_id > $2)
     order by user_id
     limit $3";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    FIND_FACTOR,
    UPSERT_FACTOR,
    SET_FLAG,
    UPDATE_LAST_STEP,
    UPDATE_SEALED,
    DELETE_FACTOR,
    DELETE_CODES,
    UNSET_FLAG,
    FIND_PENDING,
    UPSERT_PENDING,
    DELETE_THIS_PENDING,
    DELETE_PENDING,
    LIST_KEYS,
    LIST_OUTDATED,
];

impl TryFrom<Row> for SecondFactor {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            secret: sealed(&row)?,
            enrolled_at: row.try_get("enrolled_at")?,
            last_step: row.try_get("last_step")?,
        })
    }
}

fn sealed(row: &Row) -> Result<Sealed> {
    Ok(Sealed {
        key_id: row.try_get("key_id")?,
        bytes: row.try_get("sealed")?,
    })
}
