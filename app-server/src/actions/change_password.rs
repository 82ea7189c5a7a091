//! Changing one's password: every other session ends.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    audit::{Entry, record_and_tell},
    devices,
    links::{self, BY_A_PASSWORD},
    passwords::Owner,
    sessions::{Begun, Origin},
    throttle,
};
use crate::{
    db::users,
    domain::{
        audit::Event, email::email_key, mail::Letter, password, session::Session, user::User,
    },
    error::AppError,
    state::AppState,
};

/// Changes the password; `session` goes on under a new secret, all others end.
///
/// No browser but this one is known any more.
///
/// # Errors
/// [`AppError::WrongPassword`], [`AppError::Invalid`] for a weak new one; [`AppError::TooMany`] and
/// [`AppError::SignInsLocked`] as at sign-in.
pub async fn change_password(
    state: &AppState,
    user: &User,
    session: &Session,
    current: SecretString,
    new: SecretString,
    origin: &Origin,
) -> Result<Begun, AppError> {
    let second_factor = {
        let db = state.db().await?;
        users::has_second_factor(&db, user.id).await?
    };
    let owner = Owner::of(user, second_factor, &state.config.app_url);
    if let Some(weakness) = state.passwords.weakness(&new, owner).await? {
        return Err(AppError::invalid("new", weakness));
    }
    let pass = throttle::admit(state, &email_key(&user.email), origin).await?;
    let stored = {
        let db = state.db().await?;
        users::find_credentials_by_id(&db, user.id).await?
    };
    let stored = stored.ok_or(AppError::SignInRequired)?.password_hash;
    if current.expose_secret().len() > password::MAX_BYTES
        || !state
            .passwords
            .verify(current, Some(stored.clone()))
            .await?
    {
        let event = Event::PasswordChangeFail;
        pass.failed(state, Some(user.id), origin, event).await?;
        return Err(AppError::WrongPassword);
    }
    let hash = state.passwords.hash(new).await?;

    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    // Two changes at once: the second one's proof is no longer a proof.
    let verified = users::lock_verified(&tx, user.id, &stored).await?;
    let epoch = verified.ok_or(AppError::WrongPassword)?.session_epoch;
    pass.succeeded(&tx).await?;
    let now = state.clock.now();
    links::void(&tx, user.id, BY_A_PASSWORD, now).await?;
    users::update_password(&tx, user.id, &hash).await?;
    let mut begun = state.sessions.renew(&tx, session, epoch).await?;
    begun.device = Some(devices::remember(&tx, user.id, origin, now).await?);
    let entry = Entry {
        event: Event::PasswordChange,
        user: Some(user.id),
        actor: None,
        session: Some(session.id),
        origin,
        details: json!({}),
    };
    record_and_tell(&tx, now, entry, Letter::PasswordChanged, &user.email).await?;
    tx.commit().await?;
    Ok(begun)
}
