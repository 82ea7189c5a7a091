//! Setting up a second factor: a secret is shown, and in force once a code of it was right.

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared::clock::Clock;

use super::{
    audit::{self, Entry},
    recovery_codes::new_codes,
    second_factor::{keys, open, seal},
    sessions::{Begun, Origin},
};
use crate::{
    db::{Database, recovery_codes, second_factors, users},
    domain::{
        audit::Event,
        email::email_key,
        mail::Letter,
        recovery_code::{RecoveryCode, is_separator},
        sealing::Keyring,
        session::Session,
        totp::TotpSecret,
        user::User,
    },
    error::AppError,
    state::AppState,
};

/// How long a secret waits for its first code.
const PATIENCE: TimeDelta = TimeDelta::minutes(30);

/// A second factor that has just come into force, and the one time its recovery codes are known.
pub struct Enrolled {
    /// The session goes on in this one; all others have ended.
    pub begun: Begun,
    /// To be shown and forgotten.
    pub codes: Vec<RecoveryCode>,
}

/// Begins to set up a second factor: a new secret that is not yet in force.
///
/// # Errors
/// [`AppError::NoSecretsKey`].
pub async fn begin(state: &AppState, user: &User) -> Result<(), AppError> {
    let keys = keys(state)?;
    let secret = TotpSecret::generate().map_err(AppError::internal)?;
    let sealed = seal(keys, user.id, &secret)?;
    let db = state.db().await?;
    let expires_at = state.clock.now() + PATIENCE;
    second_factors::upsert_pending(&db, user.id, &sealed, expires_at).await?;
    Ok(())
}

/// The secret that `user` is setting up.
///
/// # Errors
/// [`AppError::NoSecretsKey`].
pub async fn begun(state: &AppState, user: &User) -> Result<Option<TotpSecret>, AppError> {
    let keys = keys(state)?;
    let db = state.db().await?;
    let sealed = second_factors::find_pending(&db, user.id, state.clock.now()).await?;
    sealed
        .map(|sealed| open(keys, user.id, &sealed))
        .transpose()
}

/// Puts the secret that was begun in force, in place of an earlier one, when `code` shows that the
/// app has it; `session` goes on under a new secret, all others end.
///
/// Nothing comes back when the code is wrong.
///
/// # Errors
/// [`AppError::NotFound`] when nothing was begun, or too long ago.
pub async fn enable(
    state: &AppState,
    session: &Session,
    code: &SecretString,
    origin: &Origin,
) -> Result<Option<Enrolled>, AppError> {
    let user = session.user_id().ok_or(AppError::SignInRequired)?;
    let keys = keys(state)?;
    let now = state.clock.now();
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let locked = users::lock_user(&tx, user).await?;
    let locked = locked.ok_or(AppError::SignInRequired)?;
    let sealed = second_factors::find_pending(&tx, user, now).await?;
    let sealed = sealed.ok_or(AppError::NotFound("second factor that was begun"))?;
    let secret = open(keys, user, &sealed)?;
    let letters = code.expose_secret().chars();
    let code: SecretString = letters
        .filter(|letter| !is_separator(*letter))
        .take(7)
        .collect::<String>()
        .into();
    let Some(step) = secret.matching_step(code.expose_secret(), now, 0) else {
        return Ok(None);
    };

    second_factors::delete_pending(&tx, user, &sealed).await?;
    second_factors::upsert_factor(&tx, user, &seal(keys, user, &secret)?, step, now).await?;
    let codes = new_codes()?;
    let hashes: Vec<_> = codes.iter().map(RecoveryCode::hash).collect();
    recovery_codes::replace_codes(&tx, user, &hashes, now).await?;
    let entry = Entry {
        event: Event::FactorAdded,
        user: Some(user),
        actor: None,
        session: Some(session.id),
        origin,
        details: json!({ "replaced": locked.user.second_factor }),
    };
    audit::record_and_tell(&tx, now, entry, Letter::FactorAdded, &locked.user.email).await?;
    let begun = state
        .sessions
        .renew(&tx, session, locked.session_epoch)
        .await?;
    tx.commit().await?;
    Ok(Some(Enrolled { begun, codes }))
}

/// Gives the account of `email` this secret, unless it has a second factor; false then.
///
/// For the demo, whose admin shall be able to sign in at once.
///
/// # Errors
/// [`AppError::NotFound`] without such an account.
pub async fn install(
    database: &Database,
    clock: &Clock,
    keys: &Keyring,
    email: &str,
    secret: &TotpSecret,
) -> Result<bool, AppError> {
    let now = clock.now();
    let mut db = database.client().await?;
    let tx = db.transaction().await?;
    let found = users::find_credentials(&tx, &email_key(email)).await?;
    let user = found.ok_or(AppError::NotFound("account"))?.user;
    let locked = users::lock_user(&tx, user.id).await?;
    if locked.is_none_or(|locked| locked.user.second_factor) {
        return Ok(false);
    }
    let sealed = seal(keys, user.id, secret)?;
    second_factors::upsert_factor(&tx, user.id, &sealed, 0, now).await?;
    let entry = Entry {
        event: Event::FactorAdded,
        user: Some(user.id),
        actor: None,
        session: None,
        origin: &Origin::command_line(),
        details: json!({ "replaced": false }),
    };
    audit::record(&tx, now, entry).await?;
    tx.commit().await?;
    Ok(true)
}
