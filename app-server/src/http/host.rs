//! Serves the shop under its own name only, and over TLS where that is its address.

use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web::Data,
};

use super::client_address;
use crate::state::AppState;

/// As a layer of its own, for what has no sessions.
pub async fn host(
    state: Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match misdirected(&state, &request) {
        Some(answer) => Ok(request.into_response(answer).map_into_right_body()),
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

/// Sends a GET under another name to APP_URL (308) and refuses anything else (421).
///
/// So too for plain http under an https shop, as trusted proxies tell it; but there programs are
/// refused whatever they ask: what they sent was readable on its way, and must not go unnoticed
/// (ASVS 5.0, 4.1.2).
pub fn misdirected(state: &AppState, request: &ServiceRequest) -> Option<HttpResponse> {
    let app_url = &state.config.app_url;
    let given = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| {
            request
                .uri()
                .authority()
                .map(actix_web::http::uri::Authority::as_str)
        });
    let is_plain =
        app_url.is_https() && client_address::is_plain(request, &state.config.trusted_proxies);
    let is_ours = given.is_some_and(|host| is_ours(host, &app_url.authority(), app_url.is_https()));
    if is_ours && !is_plain {
        return None;
    }
    let program = is_plain && request.path().starts_with("/api/");
    Some(
        if !program && [Method::GET, Method::HEAD].contains(request.method()) {
            let path = request
                .uri()
                .path_and_query()
                .map_or("/", |path| path.as_str());
            HttpResponse::build(StatusCode::PERMANENT_REDIRECT)
                .insert_header((header::LOCATION, app_url.join(path)))
                .finish()
        } else {
            HttpResponse::build(StatusCode::MISDIRECTED_REQUEST)
                .content_type("text/plain; charset=utf-8")
                .body(format!("This shop is at {app_url}\n"))
        },
    )
}

/// Equal without regard to case, and to a port that goes without saying.
fn is_ours(given: &str, authority: &str, https: bool) -> bool {
    let usual = if https { ":443" } else { ":80" };
    let given = given.strip_suffix(usual).unwrap_or(given);
    given.eq_ignore_ascii_case(authority)
}
