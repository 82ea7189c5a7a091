//! Accounts as admins see them, and what is done to one by its identifier.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    ids::UserId,
    user::{Role, User},
};

/// An account and how it stands.
pub struct Account {
    /// Whose.
    pub user: User,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// Since when it may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When its address was proved.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// Since when signing in takes a code too.
    pub second_factor_at: Option<DateTime<Utc>>,
    /// Since when a reset of the password is due.
    pub must_reset_at: Option<DateTime<Utc>>,
    /// When its owner asked for deletion.
    pub deletion_asked_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

macro_rules! account_columns {
    () => {
        "select user_id, email, name, role, created_at, disabled_at, email_verified_at,
                second_factor_at, must_reset_at, deletion_asked_at, deleted_at
           from users "
    };
}

/// The account of this identifier.
pub async fn find_account(db: &impl Queries, user: UserId) -> Result<Option<Account>> {
    let row = db.query_opt(FIND_ACCOUNT, &[&user]).await?;
    row.map(Account::try_from).transpose()
}

const FIND_ACCOUNT: &str = concat!(account_columns!(), "where user_id = $1");

/// The account of this identifier, which nobody else changes until the transaction ends.
pub async fn lock_account(db: &impl Queries, user: UserId) -> Result<Option<Account>> {
    let row = db.query_opt(LOCK_ACCOUNT, &[&user]).await?;
    row.map(Account::try_from).transpose()
}

const LOCK_ACCOUNT: &str = concat!(account_columns!(), "where user_id = $1 for no key update");

/// Whose account has this address, by its lower-case form.
pub async fn find_user_id(db: &impl Queries, email_key: &str) -> Result<Option<UserId>> {
    let row = db.query_opt(FIND_USER_ID, &[&email_key]).await?;
    row.map(|row| Ok(row.try_get("user_id")?)).transpose()
}

const FIND_USER_ID: &str = "select user_id from users where email_key = $1";

/// Accounts whose address or name contains `search`, the newest first.
pub async fn list_accounts(
    db: &impl Queries,
    search: &str,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Account>> {
    let rows = db.query(LIST_ACCOUNTS, &[&search, &after, &limit]).await?;
    rows.into_iter().map(Account::try_from).collect()
}

// Read to the end when little is found: a shop has thousands of accounts, not millions.
const LIST_ACCOUNTS: &str = concat!(
    account_columns!(),
    "where (position(lower($1) in email_key) > 0 or position(lower($1) in lower(name)) > 0)
       and ($2::uuid is null or user_id < $2)
     order by user_id desc
     limit $3"
);

/// How many sessions go on, and how many orders there are.
pub async fn count_belongings(
    db: &impl Queries,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<(i64, i64)> {
    let row = db.query_one(COUNT_BELONGINGS, &[&user, &now]).await?;
    Ok((row.try_get("n_sessions")?, row.try_get("n_orders")?))
}

const COUNT_BELONGINGS: &str = "
    select (select count(*) from sessions
             where sessions.user_id = users.user_id and revoked_at is null
               and epoch = session_epoch and disabled_at is null
               and idle_expires_at > $2 and absolute_expires_at > $2) as n_sessions,
           (select count(*) from orders where orders.user_id = users.user_id) as n_orders
      from users where user_id = $1";

/// Locks every admin who stays one, so that two of them cannot leave at once; true when one is left
/// without `user`.
pub async fn admin_beside(db: &impl Queries, user: UserId) -> Result<bool> {
    let rows = db.query(LOCK_ADMINS, &[]).await?;
    for row in rows {
        let admin: UserId = row.try_get("user_id")?;
        if admin != user {
            return Ok(true);
        }
    }
    Ok(false)
}

const LOCK_ADMINS: &str = "
    select user_id from users
     where role = 'admin' and disabled_at is null and deletion_asked_at is null and deleted_at is null
     order by user_id
       for update";

/// Ends all sessions; the epoch they had.
pub async fn end_sessions(db: &impl Queries, user: UserId) -> Result<Option<i64>> {
    let row = db.query_opt(END_SESSIONS, &[&user]).await?;
    row.map(|row| Ok(row.try_get("epoch")?)).transpose()
}

const END_SESSIONS: &str = "
    update users set session_epoch = session_epoch + 1
     where user_id = $1 and deleted_at is null
    returning session_epoch - 1 as epoch";

/// Disables an account and ends its sessions; false when it was disabled, or is not there.
pub async fn disable_account(db: &impl Queries, user: UserId, now: DateTime<Utc>) -> Result<bool> {
    Ok(db.execute(DISABLE_ACCOUNT, &[&user, &now]).await? == 1)
}

const DISABLE_ACCOUNT: &str = "
    update users set disabled_at = $2, session_epoch = session_epoch + 1
     where user_id = $1 and disabled_at is null";

/// Lets a disabled account sign in again; false when it could, or is gone.
pub async fn enable_account(db: &impl Queries, user: UserId) -> Result<bool> {
    Ok(db.execute(ENABLE_ACCOUNT, &[&user]).await? == 1)
}

const ENABLE_ACCOUNT: &str = "
    update users set disabled_at = null
     where user_id = $1 and disabled_at is not null and deleted_at is null";

/// Notes that deletion was asked for, and ends all sessions; the epoch they had, or nothing when it
/// was asked for before.
pub async fn ask_deletion(
    db: &impl Queries,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    let row = db.query_opt(ASK_DELETION, &[&user, &now]).await?;
    row.map(|row| Ok(row.try_get("epoch")?)).transpose()
}

const ASK_DELETION: &str = "
    update users set deletion_asked_at = $2, session_epoch = session_epoch + 1
     where user_id = $1 and deletion_asked_at is null and deleted_at is null
    returning session_epoch - 1 as epoch";

/// Takes it back; false when there was nothing to take back.
pub async fn withdraw_deletion(db: &impl Queries, user: UserId) -> Result<bool> {
    Ok(db.execute(WITHDRAW_DELETION, &[&user]).await? == 1)
}

const WITHDRAW_DELETION: &str = "
    update users set deletion_asked_at = null
     where user_id = $1 and deletion_asked_at is not null and deleted_at is null";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    FIND_ACCOUNT,
    LOCK_ACCOUNT,
    FIND_USER_ID,
    LIST_ACCOUNTS,
    COUNT_BELONGINGS,
    LOCK_ADMINS,
    END_SESSIONS,
    DISABLE_ACCOUNT,
    ENABLE_ACCOUNT,
    ASK_DELETION,
    WITHDRAW_DELETION,
];

impl TryFrom<Row> for Account {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        let second_factor_at: Option<DateTime<Utc>> = row.try_get("second_factor_at")?;
        Ok(Self {
            user: User {
                id: row.try_get("user_id")?,
                email: row.try_get("email")?,
                name: row.try_get("name")?,
                role: Role::parse(row.try_get("role")?).ok_or(DbError::Inconsistent {
                    table: "users",
                    column: "role",
                })?,
                second_factor: second_factor_at.is_some(),
            },
            created_at: row.try_get("created_at")?,
            disabled_at: row.try_get("disabled_at")?,
            email_verified_at: row.try_get("email_verified_at")?,
            second_factor_at,
            must_reset_at: row.try_get("must_reset_at")?,
            deletion_asked_at: row.try_get("deletion_asked_at")?,
            deleted_at: row.try_get("deleted_at")?,
        })
    }
}
