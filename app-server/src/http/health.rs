//! Is it alive, and may it be sent visitors.

use actix_web::{HttpResponse, web::Data};
use serde::Serialize;

use crate::{db::migrate, state::AppState};

/// `GET /healthz` → 200 while the process lives.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

#[derive(Serialize)]
struct ReadyBody {
    ready: bool,
    reason: Option<&'static str>,
}

/// `GET /readyz` → 200, or 503 with the reason.
pub async fn ready(state: Data<AppState>) -> HttpResponse {
    let reason = not_ready(&state).await;
    let body = ReadyBody {
        ready: reason.is_none(),
        reason,
    };
    if reason.is_none() {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}

async fn not_ready(state: &AppState) -> Option<&'static str> {
    if state.is_draining() {
        return Some("draining");
    }
    let current = async { migrate::is_current(&state.db().await?).await };
    match current.await {
        Ok(true) => {}
        Ok(false) => return Some("the database lacks migrations"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            return Some("the database does not answer");
        }
    }
    if let Err(error) = state.sessions.store().check().await {
        tracing::warn!(%error, "not ready");
        return Some("the session store does not answer");
    }
    None
}
