//! Signing in: from an address and a password to a session.

use secrecy::SecretString;

use super::sessions::{Begun, Origin};
use crate::{
    db::{Queries, carts, sessions as store, users},
    domain::{
        cart::CartOwner,
        email::email_key,
        ids::{SessionId, UserId},
        password,
        user::User,
    },
    error::AppError,
    state::AppState,
};

/// What somebody typed who wants to sign in.
pub struct Attempt {
    /// The address, in any case.
    pub email: String,
    /// The password, exactly as typed.
    pub password: SecretString,
    /// "Remember me".
    pub remember: bool,
}

/// Signs in; a visitor's cart becomes the user's.
///
/// Unknown address, wrong password and disabled account take the same work and get the same answer.
///
/// # Errors
/// [`AppError::InvalidCredentials`].
pub async fn sign_in(
    state: &AppState,
    attempt: Attempt,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Begun, AppError> {
    use secrecy::ExposeSecret;

    if attempt.password.expose_secret().len() > password::MAX_BYTES {
        return Err(AppError::InvalidCredentials);
    }
    let key = email_key(&attempt.email).replace('\0', "");
    let found = {
        let db = state.db().await?;
        users::find_credentials(&db, &key).await?
    };
    let stored = found.as_ref().map(|found| found.password_hash.clone());
    let genuine = state.passwords.verify(attempt.password, stored).await?;
    let Some(found) = found.filter(|found| genuine && !found.disabled) else {
        tracing::info!(ip = origin.ip, "a sign-in failed");
        return Err(AppError::InvalidCredentials);
    };

    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    // The password may have changed while it was being verified.
    let verified = users::lock_verified(&tx, found.user.id, &found.password_hash).await?;
    // And all sessions may have been ended: this one is of those.
    let verified = verified
        .filter(|verified| verified.session_epoch == found.session_epoch)
        .ok_or(AppError::InvalidCredentials)?;
    let user = User {
        role: verified.role,
        ..found.user
    };
    adopt(&tx, visitor, user.id).await?;
    let begun = state
        .sessions
        .begin(&tx, &user, verified.session_epoch, attempt.remember, origin)
        .await?;
    tx.commit().await?;
    tracing::info!(user.id = %user.id, session.id = %begun.session.id, "signed in");
    Ok(begun)
}

/// Gives what a visitor had put into the cart to the user they turned out to be.
pub(super) async fn adopt(
    tx: &impl Queries,
    visitor: Option<SessionId>,
    user: UserId,
) -> Result<(), AppError> {
    let Some(visitor) = visitor else {
        return Ok(());
    };
    // In another tab something may just be going into this cart: it comes along or stays away.
    if !carts::lock_owner(tx, CartOwner::Session(visitor)).await? {
        return Ok(());
    }
    carts::merge_cart(tx, visitor, user).await?;
    store::delete_anonymous_session(tx, visitor).await?;
    Ok(())
}
