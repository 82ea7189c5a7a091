//! What every request passes on its way in and out: the address it asks for, headers, the log.
//!
//! The addresses are told apart here, by hand: there are four, and a pattern that is matched
//! against a token of a thousand bytes costs more than verifying it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use actix_http::{
    Request,
    body::{BodySize, BoxBody, MessageBody},
};
use actix_web::{HttpResponse, http::Method};
use bytes::Bytes;

use crate::{
    caller::Caller,
    connection::{self, Connection, RequestGuard},
    deliver, health,
    refusal::Refusal,
    request_log::log_answer,
    security_headers::add_security_headers,
    state::State,
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address<'a> {
    /// A file, by the token in the address.
    Token(&'a str),
    /// A file, by a token in a header.
    Bearer,
    Alive,
    Ready,
    Nothing,
}

/// Answers one request, whatever it is.
pub(crate) async fn answer(state: &State, request: &Request) -> HttpResponse {
    let began_at = Instant::now();
    let in_progress = connection::of(request).map(Connection::begin_request);
    let caller = Caller::of(request, &state.config.trusted_proxies);
    let mut response = if is_one_too_many(state, request, &caller) {
        deliver::refuse(state, request, Refusal::TooManyConnections)
    } else {
        dispatch(state, request, &caller, began_at).await
    };
    match in_progress {
        // Without an end of its own: it is counted until its answer was taken.
        Some(in_progress) if connection::of(request).is_some_and(|it| it.is_multiplexed()) => {
            response = response.map_body(|_, body| {
                Counted {
                    body,
                    _in_progress: in_progress,
                }
                .boxed()
            });
        }
        in_progress => drop(in_progress),
    }
    add_security_headers(response.headers_mut(), state.config.download_url.is_https());
    log_answer(request, &response, &caller, began_at);
    response
}

/// A body whose request is in progress until it is dropped.
struct Counted {
    body: BoxBody,
    _in_progress: RequestGuard,
}

impl MessageBody for Counted {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

/// True when the client behind a proxy has too many connections already.
fn is_one_too_many(state: &State, request: &Request, caller: &Caller) -> bool {
    match (connection::of(request), caller.ip) {
        (Some(connection), Some(ip)) => state.connections.attribute(connection, ip).is_err(),
        _ => false,
    }
}

async fn dispatch(
    state: &State,
    request: &Request,
    caller: &Caller,
    began_at: Instant,
) -> HttpResponse {
    let address = Address::of(request.path(), state.config.download_url.path());
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match address {
        Address::Nothing => deliver::refuse(state, request, Refusal::NotFound),
        _ if !reads => deliver::refuse(state, request, Refusal::MethodNotAllowed),
        Address::Token(token) => deliver::by_address(state, request, caller, began_at, token).await,
        Address::Bearer => deliver::by_bearer(state, request, caller, began_at).await,
        Address::Alive => health::alive(),
        Address::Ready => health::ready(state).await,
    }
}

impl<'a> Address<'a> {
    /// `path` as it was sent: a token needs no escapes, so one that has some is none.
    ///
    /// Served beneath the public path `prefix` too, for proxies that leave it in place.
    fn of(path: &'a str, prefix: &str) -> Self {
        match Self::at_root(path) {
            Self::Nothing => path
                .strip_prefix(prefix)
                .map_or(Self::Nothing, Self::at_root),
            address => address,
        }
    }

    fn at_root(path: &'a str) -> Self {
        match path {
            "/d" => Self::Bearer,
            "/healthz" => Self::Alive,
            "/readyz" => Self::Ready,
            _ => path.strip_prefix("/d/").map_or(Self::Nothing, Self::Token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_at_the_root_and_beneath_the_public_path() {
        for (path, address) in [
            ("/d/a.b.c", Address::Token("a.b.c")),
            ("/files/d/a.b.c", Address::Token("a.b.c")),
            ("/d/", Address::Token("")),
            ("/d/d/x", Address::Token("d/x")),
            ("/d", Address::Bearer),
            ("/files/d", Address::Bearer),
            ("/healthz", Address::Alive),
            ("/files/readyz", Address::Ready),
            ("/", Address::Nothing),
            ("/files", Address::Nothing),
            ("/other/d/a", Address::Nothing),
            ("/healthz/", Address::Nothing),
        ] {
            assert_eq!(Address::of(path, "/files"), address, "{path}");
        }
        assert_eq!(Address::of("/files/d/a", ""), Address::Nothing);
    }
}
