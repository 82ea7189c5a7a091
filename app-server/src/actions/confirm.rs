//! Proving the password again, before something sensitive.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    audit::{Entry, record},
    sessions::{Begun, Origin},
};
use crate::{
    db::users,
    domain::{audit::Event, password, session::Session, user::User},
    error::AppError,
    state::AppState,
};

/// Proves the password; `session` goes on under a new secret, and the old one is dead at once.
///
/// Forms that are open stay good: the session keeps its token.
///
/// # Errors
/// [`AppError::WrongPassword`]; [`AppError::SignInRequired`] when the session was ended meanwhile.
pub async fn confirm(
    state: &AppState,
    user: &User,
    session: &Session,
    password: SecretString,
    origin: &Origin,
) -> Result<Begun, AppError> {
    let entry = |event| Entry {
        event,
        user: Some(user.id),
        actor: None,
        session: Some(session.id),
        origin,
        details: json!({}),
    };
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
    let mut db = state.db().await?;
    if !genuine {
        record(&db, state.clock.now(), entry(Event::ConfirmFail)).await?;
        return Err(AppError::WrongPassword);
    }
    let tx = db.transaction().await?;
    // Changed meanwhile, the password that was proved is no longer one.
    let verified = users::lock_verified(&tx, user.id, &stored).await?;
    let epoch = verified.ok_or(AppError::WrongPassword)?.session_epoch;
    let begun = state.sessions.confirm(&tx, session, epoch).await?;
    record(&tx, state.clock.now(), entry(Event::Confirmed)).await?;
    tx.commit().await?;
    Ok(begun)
}
