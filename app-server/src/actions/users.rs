//! What an operator does to accounts.

use secrecy::{ExposeSecret, SecretString};
use shared::clock::Clock;

use super::{
    passwords::Passwords,
    register::{Registration, checked, taken},
};
use crate::{
    db::{Database, users},
    domain::{
        email::email_key,
        ids::UserId,
        password,
        user::{Role, User},
    },
    error::AppError,
};

/// Opens an account with a role.
///
/// # Errors
/// As [`super::register::register`].
pub async fn create(
    database: &Database,
    clock: &Clock,
    registration: Registration,
    role: Role,
) -> Result<User, AppError> {
    let (email, name) = checked(&registration)?;
    let hash = hash(registration.password).await?;
    let now = clock.now();
    let user = User {
        id: UserId::generate(now),
        email: email.as_str().to_owned(),
        name,
        role,
        second_factor: false,
    };
    let db = database.client().await?;
    users::insert_user(&db, &user, &email, &hash, now)
        .await
        .map_err(taken)?;
    Ok(user)
}

/// Gives an account a role; its sessions end.
///
/// # Errors
/// [`AppError::NotFound`].
pub async fn set_role(database: &Database, email: &str, role: Role) -> Result<(), AppError> {
    let db = database.client().await?;
    found(users::update_role(&db, &email_key(email), role).await?)
}

/// Disables or enables an account; disabling ends its sessions.
///
/// # Errors
/// [`AppError::NotFound`].
pub async fn disable(database: &Database, clock: &Clock, email: &str) -> Result<(), AppError> {
    let db = database.client().await?;
    found(users::disable(&db, &email_key(email), clock.now()).await?)
}

/// Lets a disabled account sign in again.
///
/// # Errors
/// [`AppError::NotFound`].
pub async fn enable(database: &Database, email: &str) -> Result<(), AppError> {
    let db = database.client().await?;
    found(users::enable(&db, &email_key(email)).await?)
}

/// Sets a password without knowing the old one; all sessions end.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`] for a weak one.
pub async fn set_password(
    database: &Database,
    email: &str,
    new: SecretString,
) -> Result<(), AppError> {
    if let Some(weakness) = password::weakness(new.expose_secret()) {
        return Err(AppError::invalid("password", weakness));
    }
    let hash = hash(new).await?;
    let db = database.client().await?;
    let user = users::find_credentials(&db, &email_key(email)).await?;
    let user = user.ok_or(AppError::NotFound("account"))?.user;
    found(users::update_password(&db, user.id, &hash).await?)
}

async fn hash(password: SecretString) -> Result<SecretString, AppError> {
    Passwords::new()
        .map_err(AppError::internal)?
        .hash(password)
        .await
}

fn found(changed: bool) -> Result<(), AppError> {
    if changed {
        Ok(())
    } else {
        Err(AppError::NotFound("account"))
    }
}
