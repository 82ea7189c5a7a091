//! Signing in: from an address and a password to a session.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    audit::{Entry, record},
    devices,
    passwords::Verdict,
    pending_sign_in,
    second_factor::{self, Proof},
    sessions::{Begun, Origin},
    throttle::{self, Pass},
    unusual,
};
use crate::{
    db::{
        self, Queries, carts, sessions as store,
        users::{self, Credentials},
    },
    domain::{
        audit::Event,
        cart::CartOwner,
        email::email_key,
        ids::{SessionId, UserId},
        password,
        secret::SessionSecret,
        session,
        unusual::Reason,
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
    /// Where the code of a second factor comes from.
    pub code: Code,
    /// "Remember me".
    pub remember: bool,
}

/// Where the code of a second factor comes from, when the account has one.
pub enum Code {
    /// It comes with the password, or is missing.
    Given(Option<SecretString>),
    /// A page of its own asks for it.
    AskedFor,
}

/// What came of a right password.
pub enum Outcome {
    /// Signed in.
    Begun(Box<Begun>),
    /// The code is asked for: what the cookie will hold until then.
    CodeWanted(SessionSecret),
}

/// Signs in; a visitor's cart becomes the user's, and the browser is known from now on.
///
/// Unknown address, wrong password and disabled account take the same work and get the same answer.
///
/// # Errors
/// [`AppError::InvalidCredentials`]; [`AppError::SecondFactor`] when the password is right and the
/// code that was to come with it is missing or wrong; [`AppError::TooMany`] and
/// [`AppError::SignInsLocked`] before anything is compared; [`AppError::ResetRequired`].
pub async fn sign_in(
    state: &AppState,
    attempt: Attempt,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Outcome, AppError> {
    use secrecy::ExposeSecret;

    let key = email_key(&attempt.email).replace('\0', "");
    let pass = throttle::admit(state, &key, origin).await?;
    if attempt.password.expose_secret().len() > password::MAX_BYTES {
        pass.failed(state, None, origin, Event::LoginFail).await?;
        return Err(AppError::InvalidCredentials);
    }
    // The hash may be replaced while it is being verified against: by another password, which
    // this one then is not, or by another hash of the same. The second look tells.
    for _ in 0..2 {
        let found = {
            let db = state.db().await?;
            users::find_credentials(&db, &key).await?
        };
        let stored = found.as_ref().map(|found| found.password_hash.clone());
        let verdict = state
            .passwords
            .judge(attempt.password.clone(), stored)
            .await?;
        let user = found.as_ref().map(|found| found.user.id);
        let Some(found) = found.filter(|found| verdict != Verdict::Wrong && !found.disabled) else {
            pass.failed(state, user, origin, Event::LoginFail).await?;
            return Err(AppError::InvalidCredentials);
        };
        let better_hash = if verdict == Verdict::Outdated {
            Some(state.passwords.hash(attempt.password.clone()).await?)
        } else {
            None
        };
        let proved = Proved {
            pass: &pass,
            credentials: found,
            better_hash,
        };
        match begin(state, proved, &attempt, visitor, origin).await? {
            Look::Done(outcome) => return Ok(outcome),
            Look::WrongCode => {
                pass.failed(state, user, origin, Event::FactorFail).await?;
                return Err(AppError::SecondFactor);
            }
            Look::Outdated => {}
        }
    }
    Err(AppError::InvalidCredentials)
}

/// A password that was the right one a moment ago.
struct Proved<'a> {
    pass: &'a Pass,
    credentials: Credentials,
    /// Of the same password, as it would be hashed today.
    better_hash: Option<SecretString>,
}

/// What another look at the account says.
enum Look {
    Done(Outcome),
    WrongCode,
    /// The password was replaced, or the account disabled, meanwhile.
    Outdated,
}

async fn begin(
    state: &AppState,
    proved: Proved<'_>,
    attempt: &Attempt,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Look, AppError> {
    let Proved {
        pass,
        credentials,
        better_hash,
    } = proved;
    let user = credentials.user;
    let unusual = unusual::find(state, user.id, pass, origin).await?;

    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let now = state.clock.now();
    let verified = users::lock_verified(&tx, user.id, &credentials.password_hash).await?;
    let Some(verified) = verified else {
        return Ok(Look::Outdated);
    };
    if verified.session_epoch != credentials.session_epoch {
        // All sessions were ended while this one was on its way: it is one of those.
        pass.withdrawn(&tx).await?;
        tx.commit().await?;
        return Err(AppError::InvalidCredentials);
    }
    if verified.must_reset {
        pass.withdrawn(&tx).await?;
        let failure = Entry {
            event: Event::LoginFail,
            user: Some(user.id),
            actor: None,
            session: None,
            origin,
            details: json!({"reason": "reset_required"}),
        };
        record(&tx, now, failure).await?;
        tx.commit().await?;
        return Err(AppError::ResetRequired);
    }
    if let Some(better) = better_hash {
        users::update_password_hash(&tx, user.id, &credentials.password_hash, &better).await?;
    }
    let user = User {
        role: verified.role,
        second_factor: verified.second_factor,
        ..user
    };
    let (epoch, remembered) = (verified.session_epoch, attempt.remember);
    let proof = match (&attempt.code, user.second_factor) {
        (_, false) => None,
        (Code::Given(Some(code)), true) => {
            let proof = second_factor::prove(state, &tx, &user, code, origin).await?;
            // Nothing was changed, so nothing is committed.
            let Some(proof) = proof else {
                return Ok(Look::WrongCode);
            };
            Some(proof)
        }
        (Code::Given(None), true) => {
            pass.withdrawn(&tx).await?;
            tx.commit().await?;
            return Err(AppError::SecondFactor);
        }
        (Code::AskedFor, true) => {
            pass.withdrawn(&tx).await?;
            let secret = pending_sign_in::wait(&tx, user.id, epoch, remembered, now).await?;
            tx.commit().await?;
            return Ok(Look::Done(Outcome::CodeWanted(secret)));
        }
    };
    let entrance = Entrance {
        user: &user,
        epoch,
        remembered,
        proof,
        unusual: &unusual,
        visitor,
    };
    let begun = enter(state, &tx, pass, entrance, origin).await?;
    tx.commit().await?;
    Ok(Look::Done(Outcome::Begun(Box::new(begun))))
}

/// Somebody who proved all there is to prove, and whose row is locked.
pub(super) struct Entrance<'a> {
    /// Who.
    pub user: &'a User,
    /// Their epoch.
    pub epoch: i64,
    /// "Remember me".
    pub remembered: bool,
    /// By which code, where there is a second factor.
    pub proof: Option<Proof>,
    /// What is unusual about it: then the password opens nothing sensitive yet.
    pub unusual: &'a [Reason],
    /// Whose cart they bring.
    pub visitor: Option<SessionId>,
}

/// Begins their session, in the caller's transaction: every way in ends here.
pub(super) async fn enter(
    state: &AppState,
    tx: &impl Queries,
    pass: &Pass,
    entrance: Entrance<'_>,
    origin: &Origin,
) -> Result<Begun, AppError> {
    let Entrance {
        user,
        epoch,
        remembered,
        proof,
        unusual,
        visitor,
    } = entrance;
    let good_for = if unusual.is_empty() {
        session::Proof::Full
    } else {
        session::Proof::SignInOnly
    };
    let now = state.clock.now();
    adopt(tx, visitor, user.id).await?;
    let mut begun = state
        .sessions
        .begin(tx, user, epoch, remembered, good_for, origin)
        .await?;
    pass.succeeded(tx).await?;
    begun.device = Some(devices::remember(tx, user.id, origin, now).await?);
    let failures = pass.n_failures_before();
    let event = if failures > 0 {
        Event::LoginSuccessAfterFail
    } else {
        Event::LoginSuccess
    };
    let details = json!({
        "failures": failures,
        "known_device": pass.by_known_device(),
        "country": origin.country,
        "second_factor": proof.map(Proof::as_str),
    });
    signed_in(tx, now, &begun, event, details, origin).await?;
    if !unusual.is_empty() {
        unusual::tell(tx, user, &begun, unusual, origin).await?;
    }
    Ok(begun)
}

/// Writes down that somebody came in, by `event`, and the session it gave them.
pub(super) async fn signed_in(
    tx: &impl Queries,
    at: DateTime<Utc>,
    begun: &Begun,
    event: Event,
    details: Value,
    origin: &Origin,
) -> db::Result<()> {
    let session = &begun.session;
    for (event, details) in [
        (event, details),
        (
            Event::SessionCreated,
            json!({"remembered": session.remembered}),
        ),
    ] {
        let entry = Entry {
            event,
            user: session.user_id(),
            actor: None,
            session: Some(session.id),
            origin,
            details,
        };
        record(tx, at, entry).await?;
    }
    Ok(())
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
