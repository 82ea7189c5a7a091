//! What an operator does to accounts, from the command line.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared::clock::Clock;

use super::{
    audit::{Entry, record},
    passwords::Passwords,
    register::{Registration, checked, taken},
    sessions::Origin,
};
use crate::{
    db::{Database, Queries, users},
    domain::{
        audit::Event,
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
    };
    let mut db = database.client().await?;
    let tx = db.transaction().await?;
    users::insert_user(&tx, &user, &email, &hash, now)
        .await
        .map_err(taken)?;
    let details = json!({"role": role});
    written(&tx, clock, Event::UserCreated, Some(user.id), details).await?;
    tx.commit().await?;
    Ok(user)
}

/// Gives an account a role; its sessions end.
///
/// # Errors
/// [`AppError::NotFound`].
pub async fn set_role(
    database: &Database,
    clock: &Clock,
    email: &str,
    role: Role,
) -> Result<(), AppError> {
    let mut db = database.client().await?;
    let tx = db.transaction().await?;
    let user = users::update_role(&tx, &email_key(email), role).await?;
    written(&tx, clock, Event::RoleChange, user, json!({"role": role})).await?;
    Ok(tx.commit().await?)
}

/// Disables an account; its sessions end.
///
/// # Errors
/// [`AppError::NotFound`].
pub async fn disable(database: &Database, clock: &Clock, email: &str) -> Result<(), AppError> {
    let mut db = database.client().await?;
    let tx = db.transaction().await?;
    let user = users::disable(&tx, &email_key(email), clock.now()).await?;
    written(&tx, clock, Event::UserDisabled, user, json!({})).await?;
    Ok(tx.commit().await?)
}

/// Lets a disabled account sign in again.
///
/// # Errors
/// [`AppError::NotFound`], also for one that was deleted.
pub async fn enable(database: &Database, clock: &Clock, email: &str) -> Result<(), AppError> {
    let mut db = database.client().await?;
    let tx = db.transaction().await?;
    let user = users::enable(&tx, &email_key(email)).await?;
    written(&tx, clock, Event::UserEnabled, user, json!({})).await?;
    Ok(tx.commit().await?)
}

/// Sets a password without knowing the old one; all sessions end.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`] for a weak one.
pub async fn set_password(
    database: &Database,
    clock: &Clock,
    email: &str,
    new: SecretString,
) -> Result<(), AppError> {
    if let Some(weakness) = password::weakness(new.expose_secret()) {
        return Err(AppError::invalid("password", weakness));
    }
    let hash = hash(new).await?;
    let mut db = database.client().await?;
    let tx = db.transaction().await?;
    let user = users::find_credentials(&tx, &email_key(email)).await?;
    let user = user.ok_or(AppError::NotFound("account"))?.user.id;
    let changed = users::update_password(&tx, user, &hash).await?;
    let user = changed.then_some(user);
    let details = json!({"method": "command line"});
    written(&tx, clock, Event::PasswordChange, user, details).await?;
    Ok(tx.commit().await?)
}

async fn hash(password: SecretString) -> Result<SecretString, AppError> {
    Passwords::new()
        .map_err(AppError::internal)?
        .hash(password)
        .await
}

/// Writes down what was done to `user`; nothing was, when there is none.
async fn written(
    tx: &impl Queries,
    clock: &Clock,
    event: Event,
    user: Option<UserId>,
    details: Value,
) -> Result<(), AppError> {
    let entry = Entry {
        event,
        user: Some(user.ok_or(AppError::NotFound("account"))?),
        actor: None,
        session: None,
        origin: &Origin::command_line(),
        details,
    };
    Ok(record(tx, clock.now(), entry).await?)
}
