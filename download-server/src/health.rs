//! Is it alive, and may buyers be sent here.

use actix_web::{HttpResponse, http::header::RETRY_AFTER};
use serde::Serialize;
use uuid::Uuid;

use crate::{readiness::not_ready, state::State};

/// `GET /healthz` → 200 while the process lives.
pub(crate) fn alive() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

#[derive(Serialize)]
struct ReadyBody<'a> {
    ready: bool,
    reason: Option<String>,
    instance: Uuid,
    audience: &'a str,
    issuer: &'a str,
    streams: usize,
    max_streams: usize,
    claims: usize,
    max_claims: usize,
    keys_age_secs: Option<i64>,
}

/// `GET /readyz` → 200, or 503 with the reason.
pub(crate) async fn ready(state: &State) -> HttpResponse {
    let reason = not_ready(state).await;
    let ready = reason.is_none();
    let body = ReadyBody {
        ready,
        reason,
        instance: state.instance,
        audience: state.config.download_url.as_str(),
        issuer: state.config.issuer.as_str(),
        streams: state.streams.n_running(),
        max_streams: state.config.max_streams,
        claims: state.ledger.n_claims(state.clock.unix_secs()),
        max_claims: state.config.ledger_capacity,
        keys_age_secs: state.keys.age_secs(),
    };
    if ready {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header((RETRY_AFTER, "2"))
            .json(body)
    }
}
