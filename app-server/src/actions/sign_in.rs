//! Signing in: from an address and a password to a session.

use secrecy::SecretString;

use super::{
    second_factor::{self, Proof},
    sessions::{Begun, Origin},
};
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
    /// A code of the second factor, when it comes with the password.
    pub code: Option<SecretString>,
    /// "Remember me".
    pub remember: bool,
}

/// Somebody whose password was right just now. Not signed in by that.
pub struct Proved {
    /// Who.
    pub user: User,
    /// Their epoch.
    pub session_epoch: i64,
    password_hash: SecretString,
}

/// Signs in; a visitor's cart becomes the user's.
///
/// # Errors
/// [`AppError::InvalidCredentials`]; [`AppError::SecondFactor`] when the password is right and the
/// code is missing or wrong.
pub async fn sign_in(
    state: &AppState,
    attempt: Attempt,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Begun, AppError> {
    let proved = prove_password(state, &attempt.email, attempt.password, origin).await?;
    let remember = attempt.remember;
    sign_in_proved(state, proved, attempt.code, remember, visitor, origin).await
}

/// Finds out whose address and password these are.
///
/// Unknown address, wrong password and disabled account take the same work and get the same answer.
///
/// # Errors
/// [`AppError::InvalidCredentials`].
pub async fn prove_password(
    state: &AppState,
    email: &str,
    password: SecretString,
    origin: &Origin,
) -> Result<Proved, AppError> {
    use secrecy::ExposeSecret;

    if password.expose_secret().len() > password::MAX_BYTES {
        return Err(AppError::InvalidCredentials);
    }
    let key = email_key(email).replace('\0', "");
    let found = {
        let db = state.db().await?;
        users::find_credentials(&db, &key).await?
    };
    let stored = found.as_ref().map(|found| found.password_hash.clone());
    let genuine = state.passwords.verify(password, stored).await?;
    let Some(found) = found.filter(|found| genuine && !found.disabled) else {
        tracing::info!(ip = origin.ip, "a sign-in failed");
        return Err(AppError::InvalidCredentials);
    };
    Ok(Proved {
        user: found.user,
        session_epoch: found.session_epoch,
        password_hash: found.password_hash,
    })
}

/// Signs in whoever proved the password, and with `code` the second factor where there is one.
///
/// # Errors
/// [`AppError::InvalidCredentials`] when the password was changed meanwhile;
/// [`AppError::SecondFactor`].
pub async fn sign_in_proved(
    state: &AppState,
    proved: Proved,
    code: Option<SecretString>,
    remember: bool,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Begun, AppError> {
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    // The password may have changed while it was being verified.
    let verified = users::lock_verified(&tx, proved.user.id, &proved.password_hash).await?;
    let verified = verified.ok_or(AppError::InvalidCredentials)?;
    let user = User {
        role: verified.role,
        second_factor: verified.second_factor,
        ..proved.user
    };
    if user.second_factor {
        let code = code.ok_or(AppError::SecondFactor)?;
        if second_factor::prove(state, &tx, &user, &code, origin).await? == Proof::Failed {
            tx.commit().await?;
            return Err(AppError::SecondFactor);
        }
    }
    let epoch = verified.session_epoch;
    let begun = begin_session(state, &tx, &user, epoch, remember, visitor, origin).await?;
    tx.commit().await?;
    tracing::info!(user.id = %user.id, session.id = %begun.session.id, "signed in");
    Ok(begun)
}

/// Begins the session of somebody who proved all there is to prove, and whose row is locked.
pub(super) async fn begin_session(
    state: &AppState,
    tx: &impl Queries,
    user: &User,
    epoch: i64,
    remember: bool,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Begun, AppError> {
    adopt(tx, visitor, user.id).await?;
    state
        .sessions
        .begin(tx, user, epoch, remember, origin)
        .await
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
