//! One's sessions: which there are, how long they last, and ending them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    domain::{ids::SessionId, session::Listed, user_agent},
    error::AppError,
    http::{
        form::PageForm,
        layout::{self, Layout, see_other},
        session::{clear_site_data, issue, origin, remove},
        visitor::{SignedIn, Visitor},
    },
    state::AppState,
};

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct SessionsPage {
    layout: Layout,
    rows: Vec<SessionRow>,
    limit: u64,
    /// What ends a session will first ask for the password.
    asks_for_password: bool,
}

struct SessionRow {
    id: SessionId,
    current: bool,
    device: String,
    user_agent: String,
    ip: String,
    country: Option<String>,
    remembered: bool,
    first_seen: String,
    last_seen: String,
    ends_unused: String,
    ends: String,
}

impl SessionRow {
    fn new(listed: Listed, own: SessionId) -> Self {
        let moment = |at: DateTime<Utc>| at.format("%-d %B %Y, %H:%M UTC").to_string();
        Self {
            id: listed.id,
            current: listed.id == own,
            device: user_agent::in_words(&listed.user_agent),
            user_agent: listed.user_agent,
            ip: listed.ip,
            country: listed.country,
            remembered: listed.remembered,
            first_seen: moment(listed.created_at),
            last_seen: moment(listed.last_seen_at),
            ends_unused: moment(listed.idle_expires_at),
            ends: moment(listed.absolute_expires_at),
        }
    }
}

/// `GET /account/sessions` → 200, this one first; 401 signed out.
pub async fn index(
    state: Data<AppState>,
    visitor: Visitor,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    let listed = state.sessions.list(signed_in.user.id).await?;
    let rows = listed.into_iter();
    let mut rows: Vec<_> = rows
        .map(|listed| SessionRow::new(listed, signed_in.session.id))
        .collect();
    rows.sort_by_key(|row| !row.current);
    let page = SessionsPage {
        layout: Layout::new(&state, &visitor),
        rows,
        limit: state.config.sessions_per_user,
        asks_for_password: signed_in.proved(state.clock.now()).is_err(),
    };
    layout::page(StatusCode::OK, &page)
}

/// No fields: who sends the form and where to says it all.
#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /account/sessions/{id}/delete` → 303 to the list, or to the front page when it was the one
/// in use; 303 to `/confirm` without a recent proof.
///
/// What is over already, or never was one's own, is not in that list either.
pub async fn destroy(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
    id: Path<SessionId>,
    form: PageForm<Nothing>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    signed_in.proved(state.clock.now())?;
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    match state.sessions.end_one(user, session, *id, &origin).await {
        Ok(()) if *id == session.id => {
            remove(&request);
            let mut answer = see_other("/");
            clear_site_data(answer.headers_mut());
            Ok(answer)
        }
        Ok(()) | Err(AppError::NotFound(_)) => Ok(see_other("/account/sessions")),
        Err(error) => Err(error),
    }
}

/// `POST /account/sessions/delete` → 303 to the list, under a new cookie: all others are over; 303
/// to `/confirm` without a recent proof.
pub async fn destroy_others(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
    form: PageForm<Nothing>,
) -> Result<HttpResponse, AppError> {
    form.genuine()?;
    signed_in.proved(state.clock.now())?;
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    let begun = state.sessions.end_others(user, session, &origin).await?;
    issue(&request, &state, &begun)?;
    Ok(see_other("/account/sessions"))
}
