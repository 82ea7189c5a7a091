//! What browsers report about the policy: a line of the log, no more than one a second.

use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::{HttpRequest, HttpResponse, dev::Payload, web::Data};
use serde_json::Value;

use super::{form::content_type, json::read_body};
use crate::{error::AppError, state::AppState};

/// Where browsers send them.
pub const PATH: &str = "/csp-reports";

/// The longest report in bytes.
const MAX_BYTES: usize = 8 * 1_024;

/// The name of no directive is longer.
const MAX_DIRECTIVE_CHARS: usize = 40;

/// The second in which the last line was written, by this thread.
#[derive(Default)]
pub struct LastLine(AtomicI64);

/// `POST /csp-reports` → 204; 413; 415. Anybody may send one, so it is believed in nothing: the log
/// gets the directive's name, if it looks like one.
pub async fn create(
    state: Data<AppState>,
    last: Data<LastLine>,
    request: HttpRequest,
    payload: actix_web::web::Payload,
) -> Result<HttpResponse, AppError> {
    let kinds = ["application/reports+json", "application/csp-report"];
    if !kinds.contains(&content_type(&request)) {
        return Err(AppError::UnsupportedMediaType);
    }
    let mut payload: Payload = payload.into_inner();
    let body = read_body(&request, &mut payload, MAX_BYTES).await?;
    let now = state.clock.now().timestamp();
    if last.0.swap(now, Ordering::Relaxed) != now {
        let directive = directive(&body);
        tracing::warn!(directive, "a browser stopped something by the policy");
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The directive that stopped it, in either form of a report.
fn directive(body: &[u8]) -> Option<String> {
    let report: Value = serde_json::from_slice(body).ok()?;
    let name = report
        .pointer("/csp-report/effective-directive")
        .or_else(|| report.pointer("/csp-report/violated-directive"))
        .or_else(|| report.pointer("/0/body/effectiveDirective"))?
        .as_str()?;
    let sound = name.len() <= MAX_DIRECTIVE_CHARS
        && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    sound.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_directive_is_repeated() {
        for (body, expected) in [
            (
                &br#"{"csp-report":{"effective-directive":"img-src"}}"#[..],
                Some("img-src"),
            ),
            (
                br#"[{"body":{"effectiveDirective":"script-src-elem"}}]"#,
                Some("script-src-elem"),
            ),
            (
                br#"{"csp-report":{"effective-directive":"\u001b[31m"}}"#,
                None,
            ),
            (br#"{"csp-report":{"effective-directive":7}}"#, None),
            (b"[]", None),
            (b"no json", None),
        ] {
            assert_eq!(directive(body).as_deref(), expected);
        }
    }
}
