//! Removing a second factor: by its owner, or by an operator for an owner who lost it.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared::clock::Clock;

use super::{
    audit::{self, Entry},
    sessions::{Begun, Origin},
    throttle,
};
use crate::{
    db::{self, Database, Queries, second_factors, users},
    domain::{
        audit::Event,
        email::email_key,
        ids::SessionId,
        mail::Letter,
        password,
        session::Session,
        user::{Role, User},
    },
    error::AppError,
    state::AppState,
};

/// Removes the second factor of the session's user, who proves the password; the session goes on
/// under a new secret, all others end.
///
/// With the factor goes what allowed a short password, so that one has to be changed first.
///
/// # Errors
/// [`AppError::Forbidden`] for admins; [`AppError::WrongPassword`], [`AppError::TooMany`] after too
/// many of those; [`AppError::Invalid`] for a
/// password too short to stand alone; [`AppError::NotFound`] without a factor.
pub async fn remove(
    state: &AppState,
    session: &Session,
    password: SecretString,
    origin: &Origin,
) -> Result<Begun, AppError> {
    let user = session.user.as_ref().ok_or(AppError::SignInRequired)?;
    let pass = throttle::admit(state, &email_key(&user.email), origin).await?;
    let user = user.id;
    let stored = {
        let db = state.db().await?;
        users::find_credentials_by_id(&db, user).await?
    };
    let stored = stored.ok_or(AppError::SignInRequired)?.password_hash;
    let n_chars = password::normalised(password.expose_secret())
        .chars()
        .count();
    if password.expose_secret().len() > password::MAX_BYTES
        || !state
            .passwords
            .verify(password, Some(stored.clone()))
            .await?
    {
        let event = Event::ConfirmFail;
        pass.failed(state, Some(user), origin, event).await?;
        return Err(AppError::WrongPassword);
    }
    let mut db = state.db().await?;
    pass.succeeded(&db).await?;
    if n_chars < password::MIN_CHARS {
        return Err(AppError::invalid(
            "password",
            format!(
                "Alone, a password needs at least {} characters. Please choose a longer one first.",
                password::MIN_CHARS
            ),
        ));
    }

    let now = state.clock.now();
    let tx = db.transaction().await?;
    let locked = users::lock_user(&tx, user).await?;
    let locked = locked.filter(|locked| !locked.disabled);
    let locked = locked.ok_or(AppError::SignInRequired)?;
    if locked.password_hash.expose_secret() != stored.expose_secret() {
        return Err(AppError::WrongPassword);
    }
    if locked.user.role == Role::Admin {
        return Err(AppError::Forbidden);
    }
    removed(&tx, &locked.user, Some(session.id), origin, now).await?;
    let begun = state
        .sessions
        .renew(&tx, session, locked.session_epoch)
        .await?;
    tx.commit().await?;
    Ok(begun)
}

/// Removes the second factor of an account whose owner has lost it; its sessions end.
///
/// # Errors
/// [`AppError::NotFound`] without such an account, or without a factor.
pub async fn reset(database: &Database, clock: &Clock, email: &str) -> Result<(), AppError> {
    let mut db = database.client().await?;
    let tx = db.transaction().await?;
    let found = users::find_credentials(&tx, &email_key(email)).await?;
    let user = found.ok_or(AppError::NotFound("account"))?.user;
    users::lock_user(&tx, user.id).await?;
    removed(&tx, &user, None, &Origin::command_line(), clock.now()).await?;
    tx.commit().await?;
    Ok(())
}

async fn removed(
    tx: &impl Queries,
    user: &User,
    session: Option<SessionId>,
    origin: &Origin,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), AppError> {
    if !second_factors::delete_factor(tx, user.id).await? {
        return Err(AppError::NotFound("second factor"));
    }
    written_down(tx, user, session, origin, now).await?;
    Ok(())
}

async fn written_down(
    tx: &impl Queries,
    user: &User,
    session: Option<SessionId>,
    origin: &Origin,
    now: chrono::DateTime<chrono::Utc>,
) -> db::Result<()> {
    let entry = Entry {
        event: Event::FactorRemoved,
        user: Some(user.id),
        actor: None,
        session,
        origin,
        details: json!({}),
    };
    audit::record_and_tell(tx, now, entry, Letter::FactorRemoved, &user.email).await?;
    Ok(())
}
