//! What every answer of the shop tells a browser about how to handle it.

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};

use shared::telemetry::redacted_path;

use crate::state::AppState;

/// No script, nothing from elsewhere, nobody's frame.
///
/// Forms post to this origin, and browsers hold redirects of a post to it too: none of ours may end
/// at a download server.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    report-to policy; report-uri /csp-reports";

const ALWAYS: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("reporting-endpoints", "policy=\"/csp-reports\""),
    ("x-content-type-options", "nosniff"),
    // `no-referrer` would turn the Origin of our own forms into `null`.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
    ("x-frame-options", "DENY"),
];

/// Adds the headers; `Cache-Control: no-store` wherever the handler said nothing else.
pub async fn security_headers(
    state: Data<AppState>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    // An address with a secret in it is told to nobody, this shop's other pages included (ASVS 5.0,
    // 3.4.5). Its form's Origin is then `null`: `Sec-Fetch-Site` proves where it comes from.
    let is_secret = redacted_path(request.path()) != request.path();
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if is_secret {
        let value = HeaderValue::from_static("no-referrer");
        headers.insert(header::REFERRER_POLICY, value);
    }
    if state.config.app_url.is_https() {
        let value = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}
