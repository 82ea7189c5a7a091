//! One's sessions: which there are, and ending them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    domain::{ids::SessionId, paging::Page, session::Listed, user_agent},
    error::AppError,
    http::{
        json::answer,
        session::{clear_site_data, issue, origin, remove},
        visitor::SignedIn,
    },
    state::AppState,
};

#[derive(Serialize)]
struct ListedBody {
    id: SessionId,
    current: bool,
    created_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    ip: String,
    country: Option<String>,
    user_agent: String,
    device: String,
    remembered: bool,
}

impl ListedBody {
    fn new(listed: Listed, own: SessionId) -> Self {
        Self {
            id: listed.id,
            current: listed.id == own,
            created_at: listed.created_at,
            last_seen_at: listed.last_seen_at,
            ip: listed.ip,
            country: listed.country,
            device: user_agent::in_words(&listed.user_agent),
            user_agent: listed.user_agent,
            remembered: listed.remembered,
        }
    }
}

/// `GET /sessions` → 200, the last used first, all at once: there are SESSIONS_PER_USER at most.
pub async fn index(
    state: Data<AppState>,
    SignedIn { user, session }: SignedIn,
) -> Result<HttpResponse, AppError> {
    let listed = state.sessions.list(user.id).await?;
    let items = listed.into_iter();
    let page = Page {
        items: items
            .map(|listed| ListedBody::new(listed, session.id))
            .collect(),
        next: None,
    };
    Ok(answer(StatusCode::OK, &page))
}

/// `DELETE /sessions/{id}` → 204, also for the one in use; 403 `confirm_password`; 404 not one's
/// own, or over.
pub async fn destroy(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
    id: Path<SessionId>,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    state.sessions.end_one(user, session, *id, &origin).await?;
    let mut answer = HttpResponse::NoContent().finish();
    if *id == session.id {
        remove(&request);
        clear_site_data(answer.headers_mut());
    }
    Ok(answer)
}

/// `DELETE /sessions` → 204: all others end, this one goes on under a new cookie; 403
/// `confirm_password`.
pub async fn destroy_others(
    state: Data<AppState>,
    request: HttpRequest,
    signed_in: SignedIn,
) -> Result<HttpResponse, AppError> {
    signed_in.proved(state.clock.now())?;
    let SignedIn { user, session } = &signed_in;
    let origin = origin(&state, &request);
    let begun = state.sessions.end_others(user, session, &origin).await?;
    issue(&request, &state, &begun)?;
    Ok(HttpResponse::NoContent().finish())
}
