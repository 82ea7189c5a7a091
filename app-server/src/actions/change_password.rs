//! Changing one's password: every other session ends.

use secrecy::{ExposeSecret, SecretString};

use super::{
    links::{self, BY_A_PASSWORD},
    sessions::Begun,
};
use crate::{
    db::{
        outbox::{NewMail, insert_mail},
        users,
    },
    domain::{mail::Letter, password, session::Session, user::User},
    error::AppError,
    state::AppState,
};

/// Changes the password; `session` goes on under a new secret, all others end.
///
/// # Errors
/// [`AppError::WrongPassword`], [`AppError::Invalid`] for a weak new one.
pub async fn change_password(
    state: &AppState,
    user: &User,
    session: &Session,
    current: SecretString,
    new: SecretString,
) -> Result<Begun, AppError> {
    if let Some(weakness) = password::weakness(new.expose_secret()) {
        return Err(AppError::invalid("new", weakness));
    }
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
        tracing::info!(user.id = %user.id, "a password change failed: wrong current password");
        return Err(AppError::WrongPassword);
    }
    let hash = state.passwords.hash(new).await?;

    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    // Two changes at once: the second one's proof is no longer a proof.
    let verified = users::lock_verified(&tx, user.id, &stored).await?;
    let epoch = verified.ok_or(AppError::WrongPassword)?.session_epoch;
    let now = state.clock.now();
    links::void(&tx, user.id, BY_A_PASSWORD, now).await?;
    users::update_password(&tx, user.id, &hash).await?;
    let letter = NewMail {
        letter: Letter::PasswordChanged,
        user: user.id,
        recipient: &user.email,
        session: Some(session.id),
        at: now,
    };
    insert_mail(&tx, &letter).await?;
    let begun = state.sessions.renew(&tx, session, epoch).await?;
    tx.commit().await?;
    tracing::info!(user.id = %user.id, session.id = %session.id, "changed the password");
    Ok(begun)
}
