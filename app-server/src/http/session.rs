//! Between the cookie and the visitor, around every request.
//!
//! actix-session brings the cookie in and out ([`carrier()`]); what a session is, is decided by
//! [`crate::actions::sessions`].

mod activity;
mod carrier;
mod outer;

use std::sync::Arc;

use actix_session::{Session as Carrier, SessionExt, SessionStatus};
use actix_web::{
    HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web::Data,
};

use self::{
    activity::{activity, is_download},
    carrier::{ISSUE, Loaded},
    outer::{Known, MaxAge},
};
use super::{
    client_address,
    cookies::{self, Names},
    csrf, enrolment,
    error::chain_of,
    visitor::{SignedIn, Visitor},
};
use crate::{
    actions::sessions::{Activity, Begun, Live, Origin, Refreshed},
    db::DbError,
    domain::{
        device::DeviceSecret,
        ids::SessionId,
        secret::{SessionSecret, csrf_token_without_cookie},
        session::{Ended, Session},
    },
    error::AppError,
    state::AppState,
};

pub use carrier::carrier;
#[cfg(fuzzing)]
pub use carrier::fuzzing;
pub use outer::around_cookies;

/// Finds the visitor, runs the request unless it must be refused, and lets the cookie follow what
/// became of the session.
pub async fn session(
    state: Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let carrier = request.get_session();
    let loaded = carrier::take();
    let mut fresh = None;
    let visitor = match &loaded {
        Some(Loaded::Unavailable { cause }) => {
            let refusal = AppError::Unavailable(DbError::Session(cause.clone()));
            return Ok(request.error_response(refusal).map_into_right_body());
        }
        Some(Loaded::Live(live)) => known(&live.session),
        Some(Loaded::Late {
            session,
            csrf_token,
        }) => match late(&state, request.request(), session).await {
            Ok(ended) => anonymous(csrf_token.clone(), Some(ended)),
            Err(refusal) => return Ok(request.error_response(refusal).map_into_right_body()),
        },
        Some(Loaded::Nobody { csrf_token, ended }) => anonymous(csrf_token.clone(), *ended),
        None => {
            fresh = first_secret(&request, &state)?;
            let csrf_token = fresh
                .as_ref()
                .map_or_else(csrf_token_without_cookie, SessionSecret::csrf_token);
            anonymous(csrf_token, None)
        }
    };
    let activity = activity(&request);
    let refusal = csrf::refusal(&state, &request, &visitor)
        .or_else(|| enrolment::refusal(&request, &visitor));
    request.extensions_mut().insert(visitor);

    let response = match refusal {
        Some(refusal) => request.error_response(refusal).map_into_right_body(),
        None => next.call(request).await?.map_into_left_body(),
    };

    if carrier.status() == SessionStatus::Unchanged {
        if let (Some(Loaded::Live(live)), Some(activity)) = (&loaded, activity) {
            refresh(
                &state,
                response.request(),
                response.status(),
                live,
                activity,
            )
            .await;
        }
        if let Some(secret) = fresh {
            if response.status().is_success() {
                set(&carrier, &secret)?;
            } else {
                // A refusal sets no cookie: its page must not carry the token of one.
                let visitor = anonymous(csrf_token_without_cookie(), None);
                response.request().extensions_mut().insert(visitor);
            }
        }
    }
    Ok(response)
}

fn known(session: &Arc<Session>) -> Visitor {
    match &session.user {
        Some(user) => Visitor::User(SignedIn {
            user: Arc::new(user.clone()),
            session: Arc::clone(session),
        }),
        None => Visitor::Anonymous {
            session: Some(session.id),
            csrf_token: session.csrf_token.clone(),
            ended: None,
        },
    }
}

fn anonymous(csrf_token: String, ended: Option<Ended>) -> Visitor {
    Visitor::Anonymous {
        session: None,
        csrf_token,
        ended,
    }
}

/// The secret a first GET will set, if the browser can hold no other of ours.
///
/// Called where no cookie of ours came; one that we never signed is replaced like none.
///
/// A request from another site comes without the Strict cookie but with the hint: setting one
/// would sign its sender out. A same-origin request would have brought the cookie if there were
/// one, so there the hint is only a leftover.
fn first_secret(
    request: &ServiceRequest,
    state: &AppState,
) -> Result<Option<SessionSecret>, AppError> {
    let names = Names::of(&state.config.app_url);
    let same_origin = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site == "same-origin");
    let may_hold_one = cookies::is_sent(request.request(), names.hint)
        && !cookies::is_sent(request.request(), names.session)
        && !same_origin;
    if *request.method() != Method::GET || may_hold_one {
        return Ok(None);
    }
    SessionSecret::generate()
        .map(Some)
        .map_err(AppError::internal)
}

/// A secret that its session has left behind: stolen, and the session ends.
///
/// Not where it is only a copied cookie in a download tool.
async fn late(
    state: &AppState,
    request: &HttpRequest,
    session: &Session,
) -> Result<Ended, AppError> {
    if is_download(request) {
        return Ok(Ended::Expired);
    }
    let origin = origin(state, request);
    state.sessions.end_stolen(session, &origin).await?;
    Ok(Ended::Stolen)
}

/// Notes that the session was used. Rotated, its new secret goes with the answer; ended meanwhile,
/// the cookie goes and the answer stays.
///
/// A visitor's row may only have become a user's in another tab, whose cookie must stay.
async fn refresh(
    state: &AppState,
    request: &HttpRequest,
    status: StatusCode,
    live: &Live,
    activity: Activity,
) {
    // A refused request sets no cookie.
    let refused = status.is_client_error() || status.is_server_error();
    let activity = if refused { Activity::Use } else { activity };
    let refreshed = state
        .sessions
        .refresh(live, activity, || origin(state, request))
        .await;
    let done = match refreshed {
        Ok(Refreshed::Kept) => Ok(()),
        Ok(Refreshed::Rotated(begun)) => issue(request, state, &begun),
        Ok(Refreshed::Gone) => {
            if live.session.user.is_some() {
                remove(request);
            }
            Ok(())
        }
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        tracing::warn!(error = chain_of(&error), "a session could not be refreshed");
    }
}

/// Gives the browser the cookie of a session that has just begun.
pub fn issue(request: &HttpRequest, state: &AppState, begun: &Begun) -> Result<(), AppError> {
    let session = &begun.session;
    if session.remembered || session.user.is_none() {
        let left = session.absolute_expires_at - state.clock.now();
        request.extensions_mut().insert(MaxAge(left.num_seconds()));
    }
    if let Some(device) = &begun.device {
        request.extensions_mut().insert(Known(device.clone()));
    }
    set(&request.get_session(), &begun.secret)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that hands actix-session a secret"
)]
fn set(carrier: &Carrier, secret: &SessionSecret) -> Result<(), AppError> {
    carrier
        .insert(ISSUE, secret.expose())
        .map_err(AppError::internal)
}

/// Takes the cookie away.
pub fn remove(request: &HttpRequest) {
    request.get_session().purge();
}

/// What a visitor was before signing in.
pub struct LeftBehind {
    /// The row of their cart, to be merged.
    pub anonymous: Option<SessionId>,
    signed_in: Option<Arc<Session>>,
}

/// What `visitor` leaves behind when they sign in as somebody, perhaps somebody else.
pub fn leave_behind(visitor: &Visitor) -> LeftBehind {
    match visitor {
        Visitor::Anonymous { session, .. } => LeftBehind {
            anonymous: *session,
            signed_in: None,
        },
        Visitor::User(signed_in) => LeftBehind {
            anonymous: None,
            signed_in: Some(Arc::clone(&signed_in.session)),
        },
    }
}

impl LeftBehind {
    /// Ends the session whose cookie is about to be replaced: nobody could sign out of it any more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end(&self, state: &AppState, request: &HttpRequest) -> Result<(), AppError> {
        if let Some(session) = &self.signed_in {
            let origin = origin(state, request);
            state.sessions.sign_out(session, &origin).await?;
        }
        Ok(())
    }
}

/// Asks the browser to forget pages it kept (ASVS 5.0, 14.3.1); cookies are removed one by one.
pub fn clear_site_data(headers: &mut header::HeaderMap) {
    let value = header::HeaderValue::from_static("\"cache\"");
    headers.insert(header::HeaderName::from_static("clear-site-data"), value);
}

/// The row that keeps a visitor's cart; made, under a new secret, with the first thing worth keeping.
///
/// # Errors
/// [`AppError::TooMany`] when this address has begun too many.
pub async fn keep(
    state: &AppState,
    request: &HttpRequest,
    visitor: &Visitor,
) -> Result<SessionId, AppError> {
    match visitor {
        Visitor::User(signed_in) => Ok(signed_in.session.id),
        Visitor::Anonymous {
            session: Some(session),
            ..
        } => Ok(*session),
        Visitor::Anonymous {
            session: None,
            csrf_token,
            ..
        } => {
            let begun = state
                .sessions
                .begin_anonymous(csrf_token, &origin(state, request))
                .await?;
            issue(request, state, &begun)?;
            Ok(begun.session.id)
        }
    }
}

/// Where a session begun by this request comes from.
pub fn origin(state: &AppState, request: &HttpRequest) -> Origin {
    let user_agent = request.headers().get(header::USER_AGENT);
    let ip = client_address::of(request, &state.config.trusted_proxies);
    Origin {
        country: state.countries.of(&ip),
        ip,
        user_agent: user_agent
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default(),
        device: device(state, request),
    }
}

fn device(state: &AppState, request: &HttpRequest) -> Option<DeviceSecret> {
    let cookie = request.cookie(Names::of(&state.config.app_url).device)?;
    DeviceSecret::parse(cookie.value())
}
