//! People with accounts.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Row;

use super::{DbError, Queries, Result};
use crate::domain::{
    email::Email,
    ids::UserId,
    user::{Role, User},
};

/// A user with what sign-in compares.
pub struct Credentials {
    /// Who.
    pub user: User,
    /// argon2id, as a PHC string.
    pub password_hash: SecretString,
    /// The account may not sign in.
    pub disabled: bool,
    /// The epoch its sessions must have.
    pub session_epoch: i64,
}

/// The user of this address, by its lower-case form.
pub async fn find_credentials(db: &impl Queries, email_key: &str) -> Result<Option<Credentials>> {
    let row = db.query_opt(FIND_CREDENTIALS, &[&email_key]).await?;
    row.map(Credentials::try_from).transpose()
}

const FIND_CREDENTIALS: &str = "
    select user_id, email, name, role, second_factor_at, password_hash, disabled_at, session_epoch
      from users where email_key = $1";

/// The user of this identifier.
pub async fn find_credentials_by_id(
    db: &impl Queries,
    user: UserId,
) -> Result<Option<Credentials>> {
    let row = db.query_opt(FIND_CREDENTIALS_BY_ID, &[&user]).await?;
    row.map(Credentials::try_from).transpose()
}

const FIND_CREDENTIALS_BY_ID: &str = "
    select user_id, email, name, role, second_factor_at, password_hash, disabled_at, session_epoch
      from users where user_id = $1";

/// Whether signing in as `user` takes a code as well.
pub async fn has_second_factor(db: &impl Queries, user: UserId) -> Result<bool> {
    Ok(db.query_opt(HAS_SECOND_FACTOR, &[&user]).await?.is_some())
}

const HAS_SECOND_FACTOR: &str =
    "select user_id from users where user_id = $1 and second_factor_at is not null";

/// What decides about a session that is about to begin.
pub struct Verified {
    /// The epoch it must have.
    pub session_epoch: i64,
    /// What its user may do now, whatever it was when the password was looked up.
    pub role: Role,
    /// Whether it takes a code too, now.
    pub second_factor: bool,
    /// Nobody signs in before the password was reset.
    pub must_reset: bool,
}

/// Locks the user as long as the password that was verified is still theirs and they are enabled.
///
/// Until the transaction ends, a change of password waits, and then ends that session with the
/// others. Rows that refer to the user may be added meanwhile: see [`super::addresses`].
pub async fn lock_verified(
    db: &impl Queries,
    user: UserId,
    password_hash: &SecretString,
) -> Result<Option<Verified>> {
    let row = db
        .query_opt(LOCK_VERIFIED, &[&user, &password_hash.expose_secret()])
        .await?;
    row.map(Verified::try_from).transpose()
}

const LOCK_VERIFIED: &str = "
    select session_epoch, role, second_factor_at, must_reset_at from users
     where user_id = $1 and password_hash = $2 and disabled_at is null
       for no key update";

/// The user of this identifier, locked until the transaction ends.
pub async fn lock_user(db: &impl Queries, user: UserId) -> Result<Option<Credentials>> {
    let row = db.query_opt(LOCK_USER, &[&user]).await?;
    row.map(Credentials::try_from).transpose()
}

const LOCK_USER: &str = "
    select user_id, email, name, role, second_factor_at, password_hash, disabled_at, session_epoch
      from users where user_id = $1
       for no key update";

/// A new account, in its first epoch; [`DbError::violates`] `users_email_key` when taken.
pub async fn insert_user(
    db: &impl Queries,
    user: &User,
    email: &Email,
    password_hash: &SecretString,
    now: DateTime<Utc>,
) -> Result<()> {
    let hash = password_hash.expose_secret();
    let role = user.role.as_str();
    db.execute(
        INSERT_USER,
        &[
            &user.id,
            &email.as_str(),
            &email.key(),
            &user.name,
            &hash,
            &role,
            &now,
        ],
    )
    .await?;
    Ok(())
}

const INSERT_USER: &str = "
    insert into users (user_id, email, email_key, name, password_hash, role, session_epoch, created_at)
    values ($1, $2, $3, $4, $5, $6, 0, $7)";

/// Sets a password and ends all sessions; false when there is no such user.
///
/// Whatever stood in the way of signing in before is over: failed guesses, and a reset that had to
/// come. Browsers are not known any more.
pub async fn update_password(
    db: &impl Queries,
    user: UserId,
    password_hash: &SecretString,
) -> Result<bool> {
    let hash = password_hash.expose_secret();
    let changed = db.query_opt(UPDATE_PASSWORD, &[&user, &hash]).await?;
    Ok(changed.is_some())
}

const UPDATE_PASSWORD: &str = "
    with changed as (
        update users
           set password_hash = $2, session_epoch = session_epoch + 1, must_reset_at = null
         where user_id = $1
        returning user_id, email_key
    ), forgotten as (
        delete from devices where user_id = (select user_id from changed)
    ), opened as (
        delete from account_throttles
         where account_hash = (
            select sha256(convert_to('account:' || email_key, 'UTF8')) from changed)
    )
    select user_id from changed";

/// Ends all sessions of `user`, and lets nobody sign in before the password was reset.
pub async fn require_reset(db: &impl Queries, user: UserId, now: DateTime<Utc>) -> Result<()> {
    db.execute(REQUIRE_RESET, &[&user, &now]).await?;
    Ok(())
}

const REQUIRE_RESET: &str = "
    update users set must_reset_at = coalesce(must_reset_at, $2), session_epoch = session_epoch + 1
     where user_id = $1";

/// Replaces a hash by another one of the same password; what was begun with it goes on.
///
/// The caller holds the user's row locked, and the hash was verified against.
pub async fn update_password_hash(
    db: &impl Queries,
    user: UserId,
    verified: &SecretString,
    new: &SecretString,
) -> Result<()> {
    let (verified, new) = (verified.expose_secret(), new.expose_secret());
    db.execute(UPDATE_PASSWORD_HASH, &[&user, &verified, &new])
        .await?;
    Ok(())
}

const UPDATE_PASSWORD_HASH: &str =
    "update users set password_hash = $3 where user_id = $1 and password_hash = $2";

/// Gives a role and ends all sessions; nothing when there is no such user.
pub async fn update_role(db: &impl Queries, email_key: &str, role: Role) -> Result<Option<UserId>> {
    id(db
        .query_opt(UPDATE_ROLE, &[&email_key, &role.as_str()])
        .await?)
}

const UPDATE_ROLE: &str = "
    update users set role = $2, session_epoch = session_epoch + 1 where email_key = $1
    returning user_id";

/// Disables an account and ends all its sessions; nothing when there is no such user.
pub async fn disable(
    db: &impl Queries,
    email_key: &str,
    now: DateTime<Utc>,
) -> Result<Option<UserId>> {
    id(db.query_opt(DISABLE, &[&email_key, &now]).await?)
}

const DISABLE: &str = "
    update users set disabled_at = coalesce(disabled_at, $2), session_epoch = session_epoch + 1
     where email_key = $1
    returning user_id";

/// Lets a disabled account sign in again; its old sessions stay ended.
pub async fn enable(db: &impl Queries, email_key: &str) -> Result<Option<UserId>> {
    id(db.query_opt(ENABLE, &[&email_key]).await?)
}

const ENABLE: &str = "
    update users set disabled_at = null where email_key = $1 and deleted_at is null
    returning user_id";

/// Every statement of this module.
pub const STATEMENTS: &[&str] = &[
    FIND_CREDENTIALS,
    FIND_CREDENTIALS_BY_ID,
    LOCK_VERIFIED,
    LOCK_USER,
    INSERT_USER,
    UPDATE_PASSWORD,
    REQUIRE_RESET,
    UPDATE_PASSWORD_HASH,
    HAS_SECOND_FACTOR,
    UPDATE_ROLE,
    DISABLE,
    ENABLE,
];

impl TryFrom<Row> for Credentials {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        let hash: String = row.try_get("password_hash")?;
        let disabled_at: Option<DateTime<Utc>> = row.try_get("disabled_at")?;
        Ok(Self {
            user: User {
                id: row.try_get("user_id")?,
                email: row.try_get("email")?,
                name: row.try_get("name")?,
                role: role(&row)?,
                second_factor: second_factor(&row)?,
            },
            password_hash: SecretString::from(hash),
            disabled: disabled_at.is_some(),
            session_epoch: row.try_get("session_epoch")?,
        })
    }
}

impl TryFrom<Row> for Verified {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            session_epoch: row.try_get("session_epoch")?,
            role: role(&row)?,
            second_factor: second_factor(&row)?,
            must_reset: row
                .try_get::<_, Option<DateTime<Utc>>>("must_reset_at")?
                .is_some(),
        })
    }
}

fn second_factor(row: &Row) -> Result<bool> {
    let since: Option<DateTime<Utc>> = row.try_get("second_factor_at")?;
    Ok(since.is_some())
}

fn id(row: Option<Row>) -> Result<Option<UserId>> {
    row.map(|row| Ok(row.try_get("user_id")?)).transpose()
}

fn role(row: &Row) -> Result<Role> {
    Role::parse(row.try_get("role")?).ok_or(DbError::Inconsistent {
        table: "users",
        column: "role",
    })
}
