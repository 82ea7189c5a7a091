//! Signing in: from an address and a password to a session.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    audit::{Entry, record},
    devices,
    passwords::Verdict,
    sessions::{Begun, Origin},
    throttle::{self, Pass},
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

/// Signs in; a visitor's cart becomes the user's, and the browser is known from now on.
///
/// Unknown address, wrong password and disabled account take the same work and get the same answer.
///
/// # Errors
/// [`AppError::InvalidCredentials`]; [`AppError::TooMany`] and [`AppError::SignInsLocked`] before
/// anything is compared; [`AppError::ResetRequired`].
pub async fn sign_in(
    state: &AppState,
    attempt: Attempt,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Begun, AppError> {
    use secrecy::ExposeSecret;

    if attempt.password.expose_secret().len() > password::MAX_BYTES {
        return refuse(state, None, origin).await;
    }
    let key = email_key(&attempt.email).replace('\0', "");
    let pass = throttle::admit(state, &key, origin).await?;
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
            remember: attempt.remember,
        };
        if let Some(begun) = begin(state, proved, visitor, origin).await? {
            return Ok(begun);
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
    remember: bool,
}

/// Begins the session, unless the password was replaced or the account disabled meanwhile.
async fn begin(
    state: &AppState,
    proved: Proved<'_>,
    visitor: Option<SessionId>,
    origin: &Origin,
) -> Result<Option<Begun>, AppError> {
    let Proved {
        pass,
        credentials,
        better_hash,
        remember,
    } = proved;
    let mut db = state.db().await?;
    let tx = db.transaction().await?;
    let now = state.clock.now();
    let user = credentials.user;
    let verified = users::lock_verified(&tx, user.id, &credentials.password_hash).await?;
    // All sessions may have been ended meanwhile: this one would be of those.
    let verified = verified.filter(|it| it.session_epoch == credentials.session_epoch);
    let Some(verified) = verified else {
        return Ok(None);
    };
    let entry = |event, session, details| Entry {
        event,
        user: Some(user.id),
        actor: None,
        session,
        origin,
        details,
    };
    if verified.must_reset {
        pass.withdrawn(&tx).await?;
        let details = json!({"reason": "reset_required"});
        record(&tx, now, entry(Event::LoginFail, None, details)).await?;
        tx.commit().await?;
        return Err(AppError::ResetRequired);
    }
    if let Some(better) = better_hash {
        users::update_password_hash(&tx, user.id, &credentials.password_hash, &better).await?;
    }
    let user = User {
        role: verified.role,
        ..user.clone()
    };
    adopt(&tx, visitor, user.id).await?;
    let mut begun = state
        .sessions
        .begin(&tx, &user, verified.session_epoch, remember, origin)
        .await?;
    pass.succeeded(&tx).await?;
    begun.device = Some(devices::remember(&tx, user.id, origin, now).await?);
    let failures = pass.n_failures_before();
    let event = if failures > 0 {
        Event::LoginSuccessAfterFail
    } else {
        Event::LoginSuccess
    };
    let details = json!({"failures": failures, "known_device": pass.by_known_device()});
    signed_in(&tx, now, &begun, event, details, origin).await?;
    tx.commit().await?;
    Ok(Some(begun))
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

/// Writes a failure down, of an account that exists or not: both cost the same.
async fn refuse<T>(state: &AppState, user: Option<UserId>, origin: &Origin) -> Result<T, AppError> {
    tracing::info!(ip = origin.ip, "a sign-in failed");
    let entry = Entry {
        event: Event::LoginFail,
        user,
        actor: None,
        session: None,
        origin,
        details: json!({"method": "password"}),
    };
    record(&state.db().await?, state.clock.now(), entry).await?;
    Err(AppError::InvalidCredentials)
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
