//! Proving the second factor: a code of the authenticator app, or a recovery code. Each is good once.

use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde_json::json;

use super::{
    audit::{self, Entry},
    sessions::Origin,
};
use crate::{
    db::{Queries, recovery_codes, second_factors},
    domain::{
        audit::Event,
        ids::UserId,
        mail::Letter,
        recovery_code::{RecoveryCode, is_separator},
        sealing::{Keyring, Purpose, Sealed},
        totp::TotpSecret,
        user::User,
    },
    error::AppError,
    state::AppState,
};

/// What a code was that proved the second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The app's.
    App,
    /// A recovery code.
    RecoveryCode,
}

impl Proof {
    /// Its name in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// Tries `code` as the second factor of `user`, whose row the caller's transaction has locked.
///
/// With the transaction's commit the code is used up. Without a proof nothing was changed, and the
/// caller says [`super::throttle::Pass::failed`].
///
/// # Errors
/// The database's; [`AppError::NoSecretsKey`], or a bug, when the secret cannot be opened.
pub(super) async fn prove(
    state: &AppState,
    tx: &impl Queries,
    user: &User,
    code: &SecretString,
    origin: &Origin,
) -> Result<Option<Proof>, AppError> {
    let (genuine, proof) = match Typed::parse(code.expose_secret()) {
        Some(Typed::App(code)) => (take_step(state, tx, user.id, &code).await?, Proof::App),
        Some(Typed::Recovery(code)) => (
            take_recovery_code(state, tx, user, &code, origin).await?,
            Proof::RecoveryCode,
        ),
        None => return Ok(None),
    };
    Ok(genuine.then_some(proof))
}

/// A code as it was typed: spaces and hyphens do not matter.
enum Typed {
    App(Zeroizing<String>),
    Recovery(RecoveryCode),
}

impl Typed {
    fn parse(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|letter| !is_separator(*letter));
        // One more than six is enough to see that it is not six.
        let code: Zeroizing<String> = Zeroizing::new(letters.take(7).collect());
        if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::App(code));
        }
        RecoveryCode::parse(text).map(Self::Recovery)
    }
}

/// Uses the app's code up: its step, or a later one, is never taken again.
async fn take_step(
    state: &AppState,
    tx: &impl Queries,
    user: UserId,
    code: &str,
) -> Result<bool, AppError> {
    let Some(factor) = second_factors::find_factor(tx, user).await? else {
        return Ok(false);
    };
    let keys = keys(state)?;
    let secret = open(keys, user, &factor.secret)?;
    let Some(step) = secret.matching_step(code, state.clock.now(), factor.last_step) else {
        return Ok(false);
    };
    if !second_factors::update_last_step(tx, user, step).await? {
        return Ok(false);
    }
    if keys.is_outdated(&factor.secret) {
        let newer = seal(keys, user, &secret)?;
        second_factors::update_sealed(tx, user, &factor.secret, &newer).await?;
    }
    Ok(true)
}

async fn take_recovery_code(
    state: &AppState,
    tx: &impl Queries,
    user: &User,
    code: &RecoveryCode,
    origin: &Origin,
) -> Result<bool, AppError> {
    let now = state.clock.now();
    if !recovery_codes::use_code(tx, user.id, &code.hash(), now).await? {
        return Ok(false);
    }
    let n_left = recovery_codes::count_unused(tx, user.id).await?;
    let entry = Entry {
        event: Event::RecoveryCodeUsed,
        user: Some(user.id),
        actor: None,
        session: None,
        origin,
        details: json!({ "left": n_left }),
    };
    audit::record_and_tell(tx, now, entry, Letter::RecoveryCodes, &user.email).await?;
    Ok(true)
}

/// The keys of SECRETS_KEY.
///
/// # Errors
/// [`AppError::NoSecretsKey`].
pub(super) fn keys(state: &AppState) -> Result<&Keyring, AppError> {
    state.config.secrets.as_ref().ok_or(AppError::NoSecretsKey)
}

/// Seals a secret for its user's row.
pub(super) fn seal(keys: &Keyring, user: UserId, secret: &TotpSecret) -> Result<Sealed, AppError> {
    keys.seal(Purpose::Totp, user, secret.expose())
        .map_err(AppError::internal)
}

/// Opens the secret of a user's row.
pub(super) fn open(keys: &Keyring, user: UserId, sealed: &Sealed) -> Result<TotpSecret, AppError> {
    let bytes = keys
        .open(Purpose::Totp, user, sealed)
        .map_err(AppError::internal)?;
    TotpSecret::from_bytes(&bytes).ok_or_else(|| AppError::internal("a secret of another length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_are_the_apps_however_they_are_grouped() {
        for text in ["123456", "123 456", " 123-456\n", "12\u{a0}34\u{2009}56"] {
            let typed = Typed::parse(text);
            assert!(
                matches!(typed, Some(Typed::App(code)) if *code == "123456"),
                "{text:?}"
            );
        }
        let typed = Typed::parse("0000 0000 0000 0000 0000 0000");
        assert!(matches!(typed, Some(Typed::Recovery(_))));
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", "+12345"] {
            assert!(Typed::parse(text).is_none(), "{text:?}");
        }
    }
}
