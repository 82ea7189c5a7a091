//! From a token to a file: every check a delivery passes, in order.

use std::{
    collections::VecDeque, fs::File, future::pending, io, panic::AssertUnwindSafe, sync::Arc,
    time::Instant,
};

use actix_http::{HttpMessage, Request};
use actix_web::{
    HttpResponse,
    http::{
        Method,
        header::{AUTHORIZATION, COOKIE, HeaderValue, SET_COOKIE},
    },
    rt::{task::spawn_blocking, time::timeout},
};
use bytes::Bytes;
use futures_util::FutureExt;
use shared::token::DownloadToken;

use crate::{
    answer::{Content, Representation},
    caller::Caller,
    conditions::{self, Due},
    connection::{self, Connection},
    delivery_log::DeliveryLog,
    files::{self, LocalFile, OpenFile},
    lease::LEASE_SECS,
    ledger::Claim,
    manner::{Manner, is_prefetch},
    multipart::Piece,
    ranges::ByteRange,
    readiness::{STORE_DEADLINE, may_begin},
    refusal::Refusal,
    request_log::note_token,
    state::State,
    stream::{
        Deadline, Terms,
        read::{Cached, read_blocking, read_cached},
    },
    streams::{RunningDelivery, TooManyWait},
    verifier::UnverifiedToken,
};

/// So much is read before the token is claimed and sent along with the head.
const SMALL_BYTES: u64 = 64 * 1024;

/// Where the token was found; its lease goes the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Address,
    Bearer,
}

/// `GET|HEAD /d/{token}` → 200 206 304 412 416 · 303 a person's spent link · 400 no token ·
/// 403 not ours · 410 expired or used, without a lease · 503 not now.
pub(crate) async fn by_address(
    state: &State,
    request: &Request,
    caller: &Caller,
    began_at: Instant,
    token: &str,
) -> HttpResponse {
    answer(state, request, caller, began_at, token, Form::Address).await
}

/// `GET|HEAD /d` with `Authorization: Bearer`: the same, with the token in no address.
pub(crate) async fn by_bearer(
    state: &State,
    request: &Request,
    caller: &Caller,
    began_at: Instant,
) -> HttpResponse {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header.and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let token = token.unwrap_or_default();
    answer(state, request, caller, began_at, token, Form::Bearer).await
}

async fn answer(
    state: &State,
    request: &Request,
    caller: &Caller,
    began_at: Instant,
    token: &str,
    form: Form,
) -> HttpResponse {
    let delivery = deliver(state, request, caller, began_at, token, form);
    let delivered = caught(delivery).await;
    delivered.unwrap_or_else(|refusal| refuse(state, request, refusal))
}

/// Answers with a refusal, and counts it.
pub(crate) fn refuse(state: &State, request: &Request, refusal: Refusal) -> HttpResponse {
    state.metrics.refused(refusal.code());
    refusal.answer(request, Manner::of(request), &state.config.issuer)
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
    request: &Request,
    caller: &Caller,
    began_at: Instant,
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
    let (method, headers) = (request.method(), request.headers());
    let due = conditions::evaluate(method, headers, file.validators(), now);
    let is_head = *method == Method::HEAD;
    // Before any of these answers, so that no condition hides that there is none (RFC 9110 §13.2.1).
    let content = file.content_due(&due).filter(|_| !is_head);
    let first = content.as_ref().and_then(Content::first);
    let opened = open(state, &token, first).await?;
    match due {
        Due::Whole | Due::Parts(_) => {}
        Due::NotModified => return Ok(file.not_modified()),
        Due::PreconditionFailed => return Err(Refusal::PreconditionFailed),
        Due::RangeNotSatisfiable => return Err(Refusal::RangeNotSatisfiable { size: token.size }),
    }
    let Some(mut content) = content else {
        return Ok(file.head());
    };
    let connection = connection::of(request);
    let waited = match leased_until {
        Some(_) => Some(turn(state, &token, connection).await?),
        None => None,
    };
    if let OpenFile::Local(file) = &opened
        && content.n_bytes() <= SMALL_BYTES
    {
        read_ahead(&token, file, &mut content.pieces).await?;
    }
    // Who hung up gets no answer and keeps the token. This looks like a client that ended only its
    // sending side and still reads: that one is told, and may ask again with the same link. The
    // server's own way, `h1_allow_half_closed(false)`, drops an answer whose head has gone out, and
    // the claim with it: a lease would be out for a token that is still good.
    if leased_until.is_none() && connection.is_some_and(|connection| connection.has_hung_up()) {
        return Err(Refusal::HungUp);
    }
    // Only now, with the file open and nothing left to refuse.
    let now = state.clock.unix_secs();
    let (lease, mut claim) = if leased_until.is_some() {
        (None, None)
    } else {
        let (lease, claim) = claim(state, &token, now)?;
        (Some(lease), Some(claim))
    };
    let running = match waited {
        Some(running) => running,
        None => turn(state, &token, connection).await?,
    };
    if let Some(connection) = connection.filter(|connection| !connection.is_multiplexed())
        && let Some(claim) = claim.take()
    {
        connection.keep_claim(claim);
    }
    let terms = Terms {
        connection: connection.cloned(),
        deadline: Deadline::new(
            state.clock.clone(),
            leased_until.unwrap_or(now + LEASE_SECS),
        ),
        claim,
        log: DeliveryLog::begin(&state.metrics, caller, &token, &content, began_at),
        _running: running,
    };
    let mut response = content.send(opened, terms);
    if let Some(lease) = lease {
        let lease = set_cookie(state, &cookie, &lease, text, form);
        if let Ok(lease) = HeaderValue::try_from(lease) {
            response.headers_mut().insert(SET_COOKIE, lease);
        }
    }
    Ok(response)
}

/// Claims the token, for good only when its answer begins; its lease.
fn claim(state: &State, token: &DownloadToken, now: i64) -> Result<(String, Claim), Refusal> {
    let claim = state.ledger.claim(token.jti, token.exp, now);
    let claim = claim.map_err(|unclaimed| Refusal::of_claim(unclaimed, token.fid))?;
    state.metrics.claims.inc();
    Ok((state.leases.issue(token.jti, now + LEASE_SECS), claim))
}

/// Waits for this delivery's turn, as long as its client does.
async fn turn(
    state: &State,
    token: &DownloadToken,
    connection: Option<&Arc<Connection>>,
) -> Result<RunningDelivery, Refusal> {
    let ended = async {
        match connection {
            Some(connection) => connection.ended().await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        running = state.streams.begin(token.jti) => {
            running.map_err(|TooManyWait| Refusal::TooManyStreams)
        }
        () = ended => Err(Refusal::HungUp),
    }
}

/// The token's claims, once its signature has proven them.
async fn verified(state: &State, text: &str) -> Result<DownloadToken, Refusal> {
    let token = UnverifiedToken::parse(text)?;
    if state.keys.current().is_none() {
        // Just started: the first reading has begun.
        state.keys.read_anew().await;
    }
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
    Ok(token.verify(key, issuer, audience).await?)
}

/// The token's file, of the size it says, open; `wanted` of it will be read first.
async fn open(
    state: &State,
    token: &DownloadToken,
    wanted: Option<ByteRange>,
) -> Result<OpenFile, Refusal> {
    if let Some(file) = files::find(token.key, token.size) {
        return Ok(OpenFile::Local(file));
    }
    in_time(
        token,
        files::open(&state.store, token.key, token.size, wanted),
    )
    .await
}

/// Reads what little is to be sent, before the token is claimed for it.
async fn read_ahead(
    token: &DownloadToken,
    file: &Arc<LocalFile>,
    pieces: &mut VecDeque<Piece>,
) -> Result<(), Refusal> {
    for piece in pieces {
        let Piece::File(range) = *piece else { continue };
        if let Some(bytes) = file.kept(range) {
            *piece = Piece::Text(bytes);
            continue;
        }
        let bytes = match read_whole(file, range) {
            Some(bytes) => bytes,
            None => in_time(token, read_from_disk(file, range)).await?,
        };
        file.keep(&bytes, token.size);
        *piece = Piece::Text(bytes);
    }
    Ok(())
}

/// A small part, if all of it is in memory.
fn read_whole(file: &File, range: ByteRange) -> Option<Bytes> {
    let wanted = usize::try_from(range.len()).ok()?;
    match read_cached(file, range.start, wanted) {
        Ok(Cached::Bytes(bytes)) if bytes.len() == wanted => Some(bytes),
        _ => None,
    }
}

async fn read_from_disk(file: &Arc<LocalFile>, range: ByteRange) -> io::Result<Bytes> {
    let file = Arc::clone(file);
    let wanted = usize::try_from(range.len()).map_err(io::Error::other)?;
    let read = spawn_blocking(move || read_blocking(&file, range.start, wanted));
    let bytes = read.await.map_err(io::Error::other).flatten()?;
    if bytes.len() == wanted {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// What the store answers, if it does so before [`STORE_DEADLINE`].
async fn in_time<T>(
    token: &DownloadToken,
    answer: impl Future<Output = io::Result<T>>,
) -> Result<T, Refusal> {
    let key = token.key;
    match timeout(STORE_DEADLINE, answer).await {
        Ok(Ok(answer)) => return Ok(answer),
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
    let (folder, link) = match form {
        Form::Address => ("/d/", token),
        Form::Bearer => ("/d", ""),
    };
    let secure = if url.is_https() { "; Secure" } else { "" };
    let max_age = LEASE_SECS.to_string();
    // As long as a token, so in one piece.
    [
        name,
        "=",
        lease,
        "; Path=",
        url.path(),
        folder,
        link,
        "; Max-Age=",
        &max_age,
        "; HttpOnly; SameSite=Lax; Priority=Low",
        secure,
    ]
    .concat()
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
