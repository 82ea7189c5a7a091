//! The audit log.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::{
    db::audit::{StoredEvent, list_events},
    domain::{
        ids::{EventId, SessionId, UserId},
        paging::Page,
    },
    error::AppError,
    http::{admin::Admin, audit_query::AuditQuery, json::answer, list_query::PageQuery},
    state::AppState,
};

#[derive(Serialize)]
struct EventBody {
    id: EventId,
    at: DateTime<Utc>,
    event: &'static str,
    user: Option<PersonBody>,
    actor: Option<PersonBody>,
    session_id: Option<SessionId>,
    ip: String,
    user_agent: String,
    details: Value,
}

#[derive(Serialize)]
struct PersonBody {
    id: UserId,
    email: String,
}

/// `GET /admin/events` → 200, the newest first; 401; 403 `forbidden`; 422.
pub async fn index(
    state: Data<AppState>,
    _: Admin,
    wanted: Query<AuditQuery>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, AppError> {
    let limit = query.limit()?;
    let after = query.after()?;
    let db = state.db().await?;
    let found = match wanted.filter(&db).await? {
        Some(filter) => list_events(&db, &filter, after, i64::from(limit) + 1).await?,
        None => Vec::new(),
    };
    let page = Page::cut(found, limit, |last| last.id);
    Ok(answer(StatusCode::OK, &page.map(EventBody::from)))
}

impl From<StoredEvent> for EventBody {
    fn from(event: StoredEvent) -> Self {
        let person = |(id, email)| PersonBody { id, email };
        Self {
            id: event.id,
            at: event.at,
            event: event.event.as_str(),
            user: event.user.map(person),
            actor: event.actor.map(person),
            session_id: event.session,
            ip: event.ip,
            user_agent: event.user_agent,
            details: event.details,
        }
    }
}
