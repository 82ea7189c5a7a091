//! Recovery codes: hashes, and which of them were used.

use chrono::{DateTime, Utc};

use super::{Queries, Result};
use crate::domain::ids::UserId;

/// Replaces a user's codes by those with these hashes.
pub async fn replace_codes(
    db: &impl Queries,
    user: UserId,
    hashes: &[[u8; 32]],
    now: DateTime<Utc>,
) -> Result<()> {
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    db.execute(DELETE_CODES, &[&user]).await?;
    db.execute(INSERT_CODES, &[&user, &hashes, &now]).await?;
    Ok(())
}

const DELETE_CODES: &str = "delete from recovery_codes where user_id = $1";

const INSERT_CODES: &str = "
    insert into recovery_codes (user_id, code_hash, created_at)
    select $1, unnest($2::bytea[]), $3";

/// Uses a code, once; false when it is not this user's, or was used before.
pub async fn use_code(
    db: &impl Queries,
    user: UserId,
    code_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool> {
    Ok(db
        .execute(USE_CODE, &[&user, &code_hash.as_slice(), &now])
        .await?
        == 1)
}

const USE_CODE: &str = "
    update recovery_codes set used_at = $3
     where user_id = $1 and code_hash = $2 and used_at is null";

/// How many codes a user has left.
pub async fn count_unused(db: &impl Queries, user: UserId) -> Result<i64> {
    let row = db.query_one(COUNT_UNUSED, &[&user]).await?;
    Ok(row.try_get("n_codes")?)
}

const COUNT_UNUSED: &str = "
    select count(*) as n_codes from recovery_codes where user_id = $1 and used_at is null";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[DELETE_CODES, INSERT_CODES, USE_CODE, COUNT_UNUSED];
