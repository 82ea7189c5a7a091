//! Accounts by their addresses: what forgetting, proving and changing them asks.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{email::Email, ids::UserId};

/// An account and its address, locked until the transaction ends.
pub struct Account {
    /// Whose.
    pub id: UserId,
    /// The address, as typed.
    pub email: String,
    /// The same in lower case.
    pub email_key: String,
    /// When it was proved.
    pub verified_at: Option<DateTime<Utc>>,
    /// Disabled or deleted.
    pub is_closed: bool,
}

/// Locks the account of this identifier.
///
/// Not `for update`: the outbox's worker, which holds a letter, refers to the account as it adds a
/// link, and would wait for us while we wait for the letter.
pub async fn lock_account(db: &impl Queries, user: UserId) -> Result<Option<Account>> {
    let row = db.query_opt(LOCK_ACCOUNT, &[&user]).await?;
    row.map(Account::try_from).transpose()
}

const LOCK_ACCOUNT: &str = "
    select user_id, email, email_key, email_verified_at, disabled_at, deleted_at
      from users where user_id = $1 for no key update";

/// Locks the account of this address, by its lower-case form.
pub async fn lock_account_at(db: &impl Queries, email_key: &str) -> Result<Option<Account>> {
    let row = db.query_opt(LOCK_ACCOUNT_AT, &[&email_key]).await?;
    row.map(Account::try_from).transpose()
}

const LOCK_ACCOUNT_AT: &str = "
    select user_id, email, email_key, email_verified_at, disabled_at, deleted_at
      from users where email_key = $1 for no key update";

/// True when an account has this address.
pub async fn address_is_taken(db: &impl Queries, email_key: &str) -> Result<bool> {
    let row = db.query_opt(ADDRESS_IS_TAKEN, &[&email_key]).await?;
    Ok(row.is_some())
}

const ADDRESS_IS_TAKEN: &str = "select from users where email_key = $1";

/// Notes that the present address was proved, unless it was before.
pub async fn update_verified(db: &impl Queries, user: UserId, now: DateTime<Utc>) -> Result<()> {
    db.execute(UPDATE_VERIFIED, &[&user, &now]).await?;
    Ok(())
}

const UPDATE_VERIFIED: &str = "
    update users set email_verified_at = coalesce(email_verified_at, $2) where user_id = $1";

/// Gives the account an address that was proved; [`DbError::violates`] `users_email_key` when taken.
pub async fn update_address(
    db: &impl Queries,
    user: UserId,
    email: &Email,
    now: DateTime<Utc>,
) -> Result<()> {
    db.execute(
        UPDATE_ADDRESS,
        &[&user, &email.as_str(), &email.key(), &now],
    )
    .await?;
    Ok(())
}

const UPDATE_ADDRESS: &str = "
    update users set email = $2, email_key = $3, email_verified_at = $4 where user_id = $1";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    LOCK_ACCOUNT,
    LOCK_ACCOUNT_AT,
    ADDRESS_IS_TAKEN,
    UPDATE_VERIFIED,
    UPDATE_ADDRESS,
];

impl TryFrom<Row> for Account {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        let at = |column| row.try_get::<_, Option<DateTime<Utc>>>(column);
        Ok(Self {
            id: row.try_get("user_id")?,
            email: row.try_get("email")?,
            email_key: row.try_get("email_key")?,
            verified_at: at("email_verified_at")?,
            is_closed: at("disabled_at")?.is_some() || at("deleted_at")?.is_some(),
        })
    }
}
