//! What actix-session carries: the cookie's secret in, what it stands for out, a new secret back.
//!
//! Nothing is stored here. What the lookup found is left for the session layer to [`take`], and the
//! map that actix-session wants holds a new secret when one was made ([`ISSUE`]); `save` and `update`
//! only hand that secret on to the cookie, so no late write can bring an ended session back.

use std::{cell::RefCell, collections::HashMap};

use actix_session::{
    SessionMiddleware,
    config::{BrowserSession, CookieContentSecurity},
    storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError},
};
use actix_web::cookie::{Key, SameSite};
use anyhow::Context;

use crate::{
    actions::sessions::{Found, Live, Sessions},
    domain::{
        secret::SessionSecret,
        session::{Ended, Session},
    },
    http::{cookies::Names, error::chain_of},
};

/// What the cookie of this request stands for.
pub(super) enum Loaded {
    Live(Live),
    /// A row that goes on, but has left this secret behind.
    Late {
        session: Session,
        csrf_token: String,
    },
    /// No row, or one that is over: the cookie's value still keys this visitor's forms.
    Nobody {
        csrf_token: String,
        /// How the session ended whose cookie it was.
        ended: Option<Ended>,
    },
    /// The database did not answer; with what the log shall say.
    Unavailable {
        cause: String,
    },
}

tokio::task_local! {
    /// What the cookie of this request stands for. In actix-session's map it would travel as JSON,
    /// there and back, with every request.
    static LOADED: RefCell<Option<Loaded>>;
}

/// Runs a request with a place for what its cookie stands for.
pub(super) async fn with_place<F: Future>(request: F) -> F::Output {
    LOADED.scope(RefCell::default(), request).await
}

/// What the cookie of this request stands for; nothing when none came, or none of ours. Once.
pub(super) fn take() -> Option<Loaded> {
    LOADED.try_with(RefCell::take).ok().flatten()
}

pub(super) const ISSUE: &str = "issue";

/// Carries secrets between cookie and request for actix-session; stores nothing.
pub struct SecretCarrier(Sessions);

impl SecretCarrier {
    async fn look_up(&self, value: &str) -> Option<Loaded> {
        let secret = SessionSecret::parse(value)?;
        let nobody = |ended| Loaded::Nobody {
            csrf_token: secret.csrf_token(),
            ended,
        };
        Some(match self.0.find(&secret).await {
            Ok(Found::Live(live)) => Loaded::Live(live),
            Ok(Found::Late(session)) => Loaded::Late {
                session: *session,
                csrf_token: secret.csrf_token(),
            },
            Ok(Found::Ended(ended)) => {
                tracing::debug!(?ended, "the session is over");
                nobody(Some(ended))
            }
            Ok(Found::Nothing) => nobody(None),
            Err(error) => Loaded::Unavailable {
                cause: chain_of(&error),
            },
        })
    }
}

fn issued(state: &HashMap<String, String>) -> anyhow::Result<SessionKey> {
    let text = state
        .get(ISSUE)
        .context("a session changed without a new secret")?;
    let secret: String = serde_json::from_str(text)?;
    SessionKey::try_from(secret).map_err(|error| anyhow::anyhow!("{error}"))
}

impl SessionStore for SecretCarrier {
    /// An `Err` would replace the page by an empty 500, so an outage is loaded like a session.
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let Some(loaded) = self.look_up(key.as_ref()).await else {
            return Ok(None);
        };
        LOADED
            .try_with(|place| place.replace(Some(loaded)))
            .context("a request without a place for its session")
            .map_err(LoadError::Other)?;
        Ok(Some(HashMap::new()))
    }

    async fn save(
        &self,
        state: HashMap<String, String>,
        _: &actix_web::cookie::time::Duration,
    ) -> Result<SessionKey, SaveError> {
        issued(&state).map_err(SaveError::Other)
    }

    async fn update(
        &self,
        _: SessionKey,
        state: HashMap<String, String>,
        _: &actix_web::cookie::time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        issued(&state).map_err(UpdateError::Other)
    }

    async fn update_ttl(
        &self,
        _: &SessionKey,
        _: &actix_web::cookie::time::Duration,
    ) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, _: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(())
    }
}

/// The middleware that reads and writes the cookie.
///
/// actix-session insists on signing. The value is 256 random bits looked up by their hash, so a
/// signature proves nothing more, and its key is a constant rather than one more secret to lose.
pub fn carrier(sessions: Sessions, names: Names) -> SessionMiddleware<SecretCarrier> {
    carrier_over(SecretCarrier(sessions), names)
}

fn carrier_over<S: SessionStore>(store: S, names: Names) -> SessionMiddleware<S> {
    SessionMiddleware::builder(store, Key::from(&[0x63; 64]))
        .cookie_name(names.session.to_owned())
        .cookie_path("/".to_owned())
        .cookie_secure(names.secure)
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Strict)
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(BrowserSession::default())
        .build()
}

#[cfg(fuzzing)]
pub mod fuzzing;
