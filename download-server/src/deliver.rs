//! From a token to a file: every check a delivery passes, in order.

use std::panic::AssertUnwindSafe;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{AUTHORIZATION, COOKIE, HeaderValue, SET_COOKIE},
    },
    rt::time::timeout,
    web::Data,
};
use futures_util::FutureExt;
use shared::{file_store::Opened, token::DownloadToken};

use crate::{
    answer::Representation,
    conditions::{self, Due},
    connection,
    lease::LEASE_SECS,
    manner::{Manner, is_prefetch},
    ranges::ByteRange,
    readiness::{STORE_DEADLINE, may_begin},
    refusal::Refusal,
    request_log::note_token,
    state::State,
    stream::Deadline,
    verifier::UnverifiedToken,
};

/// Where the token was found; its lease goes the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Address,
    Bearer,
}

/// `GET|HEAD /d/{token}` → 200 206 304 412 416 · 303 a person's spent link · 400 no token ·
/// 403 not ours · 410 expired or used, without a lease · 503 not now.
pub(crate) async fn by_address(state: Data<State>, request: HttpRequest) -> HttpResponse {
    // The address as it was sent: a token needs no escapes, so one that has some is none.
    let path = request.path();
    let path = path
        .strip_prefix(state.config.download_url.path())
        .unwrap_or(path);
    let token = path.strip_prefix("/d/").unwrap_or_default();
    answer(&state, &request, token, Form::Address).await
}

/// `GET|HEAD /d` with `Authorization: Bearer`: the same, with the token in no address.
pub(crate) async fn by_bearer(state: Data<State>, request: HttpRequest) -> HttpResponse {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header.and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    answer(&state, &request, token.unwrap_or_default(), Form::Bearer).await
}

/// Any other method.
pub(crate) async fn method_not_allowed(state: Data<State>, request: HttpRequest) -> HttpResponse {
    Refusal::MethodNotAllowed.answer(&request, Manner::of(&request), &state.config.issuer)
}

/// Any other address.
pub(crate) async fn not_found(state: Data<State>, request: HttpRequest) -> HttpResponse {
    Refusal::NotFound.answer(&request, Manner::of(&request), &state.config.issuer)
}

async fn answer(state: &State, request: &HttpRequest, token: &str, form: Form) -> HttpResponse {
    let delivered = caught(deliver(state, request, token, form)).await;
    delivered.unwrap_or_else(|refusal| {
        refusal.answer(request, Manner::of(request), &state.config.issuer)
    })
}

/// A panic is an answer like any other; the panic itself has been logged with its place.
async fn caught(
    delivery: impl Future<Output = Result<HttpResponse, Refusal>>,
) -> Result<HttpResponse, Refusal> {
    AssertUnwindSafe(delivery)
        .catch_unwind()
        .await
        .unwrap_or(Err(Refusal::Bug))
}

async fn deliver(
    state: &State,
    request: &HttpRequest,
    text: &str,
    form: Form,
) -> Result<HttpResponse, Refusal> {
    if is_prefetch(request) {
        return Err(Refusal::Prefetch);
    }
    let token = verified(state, text).await?;
    note_token(request, token.jti);
    let now = state.clock.unix_secs();
    let cookie = cookie_name(state, &token, form);
    let cookies = request
        .headers()
        .get_all(COOKIE)
        .filter_map(|value| value.to_str().ok());
    let leased_until = state.leases.find_deadline(cookies, &cookie, token.jti, now);
    if leased_until.is_none() {
        may_begin(state, &token, now).await?;
    }
    let file = Representation::new(&token, now);
    let part = match conditions::evaluate(request.method(), request.headers(), file.validators()) {
        Due::Whole => None,
        Due::Part(range) => Some(range),
        Due::NotModified => return Ok(file.not_modified()),
        Due::PreconditionFailed => return Err(Refusal::PreconditionFailed),
        Due::RangeNotSatisfiable => return Err(Refusal::RangeNotSatisfiable { size: token.size }),
    };
    let is_head = *request.method() == Method::HEAD;
    let whole = ByteRange {
        start: 0,
        end: token.size,
    };
    let wanted = (!is_head).then(|| part.unwrap_or(whole));
    let opened = open(state, &token, wanted).await?;
    if is_head {
        return Ok(file.head());
    }
    let deadline = |at| Deadline::new(state.clock.clone(), at);
    if let Some(at) = leased_until {
        return Ok(file.body(opened, part, None, deadline(at), state.streams.begin()));
    }
    // Who hung up gets no answer and keeps the token. This looks like a client that ended only its
    // sending side and still reads: that one is told, and may ask again with the same link. The
    // server's own way, `h1_allow_half_closed(false)`, drops an answer whose head has gone out, and
    // the claim with it: a lease would be out for a token that is still good.
    if connection::has_hung_up(request) {
        return Err(Refusal::HungUp);
    }
    // Only now, with the file open and nothing left to refuse.
    let claimed_at = state.clock.unix_secs();
    let claim = state.ledger.claim(token.jti, token.exp, claimed_at);
    let claim = claim.map_err(|unclaimed| Refusal::of_claim(unclaimed, token.fid))?;
    let lease_ends = claimed_at + LEASE_SECS;
    let running = state.streams.begin();
    let mut response = file.body(opened, part, Some(claim), deadline(lease_ends), running);
    let lease = state.leases.issue(token.jti, lease_ends);
    let lease = set_cookie(state, &cookie, &lease, text, form);
    if let Ok(lease) = HeaderValue::try_from(lease) {
        response.headers_mut().insert(SET_COOKIE, lease);
    }
    Ok(response)
}

/// The token's claims, once its signature has proven them.
async fn verified(state: &State, text: &str) -> Result<DownloadToken, Refusal> {
    let token = UnverifiedToken::parse(text)?;
    let mut reading = state.keys.current().ok_or(Refusal::NoKeys)?;
    if reading.find(&token.kid).is_none() {
        // It may have been published a moment ago: only keys read after this request can tell.
        let read = state.keys.read_anew().await;
        reading = state
            .keys
            .current()
            .filter(|_| read)
            .ok_or(Refusal::UnknownKey)?;
    }
    let key = reading.find(&token.kid).ok_or(Refusal::Invalid)?;
    let (issuer, audience) = (
        state.config.issuer.as_str(),
        state.config.download_url.as_str(),
    );
    Ok(token.verify(key, issuer, audience)?)
}

/// The token's file, of the size it says, open; `wanted` of it will be read first.
async fn open(
    state: &State,
    token: &DownloadToken,
    wanted: Option<ByteRange>,
) -> Result<Opened, Refusal> {
    let key = token.key;
    let wanted = wanted.map(|ByteRange { start, end }| start..end);
    let opening = state.store.open_file(key, Some(token.size), wanted);
    match timeout(STORE_DEADLINE, opening).await {
        Ok(Ok(opened)) => return Ok(opened),
        Ok(Err(error)) => tracing::error!(%key, %error, "a stored file cannot be opened"),
        Err(_) => tracing::error!(%key, "the file store does not answer"),
    }
    Err(Refusal::Store)
}

fn cookie_name(state: &State, token: &DownloadToken, form: Form) -> String {
    let name = if state.config.download_url.is_https() {
        "__Secure-lease"
    } else {
        "claimcheck-lease"
    };
    match form {
        Form::Address => name.to_owned(),
        // All of these share one path, so their names tell them apart.
        Form::Bearer => format!("{name}-{}", token.jti),
    }
}

/// The cookie that lets this browser finish the delivery, and do nothing else.
///
/// `Priority=Low`: many leases must not push out a shop's session cookie on the same site.
fn set_cookie(state: &State, name: &str, lease: &str, token: &str, form: Form) -> String {
    let url = &state.config.download_url;
    let path = match form {
        Form::Address => format!("{}/d/{token}", url.path()),
        Form::Bearer => format!("{}/d", url.path()),
    };
    let secure = if url.is_https() { "; Secure" } else { "" };
    format!(
        "{name}={lease}; Path={path}; Max-Age={LEASE_SECS}; HttpOnly; SameSite=Lax; Priority=Low{secure}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    #[expect(clippy::panic, reason = "what is tested")]
    async fn a_panic_is_answered_as_a_bug() {
        let outcome = caught(async { panic!("on purpose") }).await;
        assert_eq!(outcome.err(), Some(Refusal::Bug));
    }
}
