//! One's sessions: which there are, and ending them.

use std::cmp::Reverse;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    domain::{ids::SessionId, paging::Page, session::Listed, user_agent},
    error::AppError,
    http::{
        json::answer,
        list_query::PageQuery,
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

/// `GET /sessions` → 200, the last to begin first, all at once unless a `limit` is given: there are
/// SESSIONS_PER_USER at most; 422.
pub async fn index(
    state: Data<AppState>,
    SignedIn { user, session }: SignedIn,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    let (limit, after) = (query.limit_if_any()?, query.after::<SessionId>()?);
    let mut listed = state.sessions.list(user.id).await?;
    // Identifiers follow the time of their making: what is used between two pages moves nothing.
    listed.sort_by_key(|listed| Reverse(listed.id));
    if let Some(after) = after {
        listed.retain(|listed| listed.id < after);
    }
    let page = match limit {
        Some(limit) => Page::cut(listed, limit, |last| last.id),
        None => Page {
            items: listed,
            next: None,
        },
    };
    let items = page.items.into_iter();
    let page = Page {
        items: items
            .map(|listed| ListedBody::new(listed, session.id))
            .collect(),
        next: page.next,
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
