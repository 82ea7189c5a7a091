//! Proving the password again, before something sensitive.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    audit::{Entry, record},
    sessions::{Begun, Origin},
    throttle,
};
use crate::{
    db::users,
    domain::{audit::Event, email::email_key, password, session::Session, user::User},
    error::AppError,
    state::AppState,
};

/// Proves the password; `session` goes on under a new secret, and the old one is dead at once.
///
/// Forms that are open stay good: the session keeps its token.
///
/// # Errors
/// [`AppError::WrongPassword`]; [`AppError::TooMany`] after too many of those;
/// [`AppError::SignInRequired`] when the session was ended meanwhile.
pub async fn confirm(
    state: &AppState,
    user: &User,
    session: &Session,
    password: SecretString,
    origin: &Origin,
) -> Result<Begun, AppError> {
    let pass = throttle::admit(state, &email_key(&user.email), origin).await?;
    let stored = {
        let db = state.db().await?;
        users::find_credentials_by_id(&db, user.id).await?
    };
    let stored = stored.ok_or(AppError::SignInRequired)?.password_hash;
    let genuine = password.expose_secret().len() <= password::MAX_BYTES
        && state
            .passwords
            .verify(password, Some(stored.clone()))
            .await?;
    if !genuine {
        let event = Event::ConfirmFail;
        pass.failed(state, Some(user.id), origin, event).await?;
        return Err(AppError::WrongPassword);
    }
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    // Changed meanwhile, the password that was proved is no longer one.
    let verified = users::lock_verified(&tx, user.id, &stored).await?;
    let epoch = verified.ok_or(AppError::WrongPassword)?.session_epoch;
    let begun = state.sessions.confirm(&tx, session, epoch).await?;
    pass.succeeded(&tx).await?;
    let confirmed = Entry {
        event: Event::Confirmed,
        user: Some(user.id),
        actor: None,
        session: Some(session.id),
        origin,
        details: json!({}),
    };
    record(&tx, state.clock.now(), confirmed).await?;
    tx.commit().await?;
    Ok(begun)
}
