//! What happened to accounts.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::{
    db::audit::{StoredEvent, list_user_events},
    domain::{
        ids::{EventId, SessionId},
        paging::Page,
    },
    error::AppError,
    http::{json::answer, list_query::PageQuery, visitor::SignedIn},
    state::AppState,
};

#[derive(Serialize)]
struct EventBody {
    id: EventId,
    at: DateTime<Utc>,
    event: &'static str,
    description: &'static str,
    session_id: Option<SessionId>,
    /// By the session that asks.
    current: bool,
    /// The shop's staff did it.
    by_somebody_else: bool,
    ip: String,
    country: Option<String>,
    user_agent: String,
    /// The same in words.
    device: String,
    details: Value,
}

/// `GET /account/events` → 200, the newest first; 401; 422.
pub async fn index(
    state: Data<AppState>,
    signed_in: SignedIn,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    let limit = query.limit()?;
    let (user, session) = (signed_in.user.id, signed_in.session.id);
    let db = state.db().await?;
    let found = list_user_events(&db, user, query.after()?, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |last| last.id);
    Ok(answer(
        StatusCode::OK,
        &page.map(|event| body(&state, event, session)),
    ))
}

fn body(state: &AppState, event: StoredEvent, asking: SessionId) -> EventBody {
    EventBody {
        country: state.countries.of(&event.ip),
        device: event.device(),
        id: event.id,
        at: event.at,
        event: event.event.as_str(),
        description: event.event.words(),
        session_id: event.session,
        current: event.session == Some(asking),
        by_somebody_else: event.actor.is_some(),
        ip: event.ip,
        user_agent: event.user_agent,
        details: event.details,
    }
}
