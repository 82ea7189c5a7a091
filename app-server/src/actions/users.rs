//! What an operator does to accounts, from the command line.

use secrecy::SecretString;
use serde_json::{Value, json};
use shared::clock::Clock;

use super::{
    audit::{Entry, record},
    links::{self, BY_A_PASSWORD},
    passwords::{Owner, Passwords},
    register::{Registration, checked, taken},
    sessions::Origin,
};
use crate::{
    db::{
        Database, Queries,
        outbox::{NewMail, insert_mail},
        users,
    },
    domain::{
        audit::Event,
        email::email_key,
        ids::UserId,
        mail::Letter,
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
    let passwords = Passwords::new().map_err(AppError::internal)?;
    let (email, name) = checked(&passwords, &registration, None).await?;
    let hash = passwords.hash(registration.password).await?;
    let now = clock.now();
    let user = User {
        id: UserId::generate(now),
        email: email.as_str().to_owned(),
        name,
        role,
        second_factor: false,
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
    let mut db = database.client().await?;
    let found = users::find_credentials(&db, &email_key(email)).await?;
    let user = found.ok_or(AppError::NotFound("account"))?.user;
    let passwords = Passwords::new().map_err(AppError::internal)?;
    let owner = Owner {
        email: &user.email,
        name: &user.name,
        second_factor: users::has_second_factor(&db, user.id).await?,
        host: None,
    };
    if let Some(weakness) = passwords.weakness(&new, owner).await? {
        return Err(AppError::invalid("password", weakness));
    }
    let hash = passwords.hash(new).await?;
    let tx = db.transaction().await?;
    let changed = users::update_password(&tx, user.id, &hash).await?;
    if changed {
        links::void(&tx, user.id, BY_A_PASSWORD, clock.now()).await?;
        let letter = NewMail {
            letter: Letter::PasswordChanged,
            user: user.id,
            recipient: &user.email,
            session: None,
            at: clock.now(),
        };
        insert_mail(&tx, &letter).await?;
    }
    let user = changed.then_some(user.id);
    let details = json!({"method": "command line"});
    written(&tx, clock, Event::PasswordChange, user, details).await?;
    Ok(tx.commit().await?)
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
