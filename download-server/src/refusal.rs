//! What is said to a client that gets no file.

use std::{future::ready, io};

use actix_http::{Request, body::BodyStream};
use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{ACCEPT_RANGES, ALLOW, CONTENT_RANGE, LOCATION, RETRY_AFTER},
    },
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use shared::base_url::BaseUrl;
use uuid::Uuid;

use crate::{connection, ledger::Unclaimed, manner::Manner, request_log::Code, verifier::NotOurs};

/// Why a request gets no file.
///
/// One variant per thing the client, or whoever reads the log, can do next. Those that a new link
/// would heal name the file, so that a person is sent to where new links are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed,
    Invalid,
    Expired(Uuid),
    Used(Uuid),
    PreconditionFailed,
    RangeNotSatisfiable { size: u64 },
    NotFound,
    MethodNotAllowed,
    Prefetch,
    HungUp,
    Draining,
    NoKeys,
    UnknownKey,
    StaleKeys,
    Clocks,
    LedgerFull,
    TooManyConnections,
    TooManyStreams,
    Store,
    Bug,
}

impl From<NotOurs> for Refusal {
    fn from(defect: NotOurs) -> Self {
        match defect {
            NotOurs::Malformed => Self::Malformed,
            NotOurs::Invalid => Self::Invalid,
        }
    }
}

impl Refusal {
    /// Why the ledger did not let the token of `file` be claimed.
    pub(crate) fn of_claim(unclaimed: Unclaimed, file: Uuid) -> Self {
        match unclaimed {
            Unclaimed::Expired => Self::Expired(file),
            Unclaimed::Used => Self::Used(file),
            Unclaimed::Full => Self::LedgerFull,
        }
    }

    /// Status, stable code and the one sentence a person may read.
    ///
    /// No `_` arm: a new variant must decide here, under review.
    fn public(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        const LATER: &str = "Downloads are interrupted for a moment. Please try again shortly.";
        match self {
            Self::Malformed => (S::BAD_REQUEST, "malformed", "This is not a download link."),
            Self::Invalid => (S::FORBIDDEN, "invalid", "This download link is not valid."),
            Self::Expired(_) => (S::GONE, "expired", "This download link has expired."),
            Self::Used(_) => (S::GONE, "used", "This download link has been used already."),
            Self::PreconditionFailed => (
                S::PRECONDITION_FAILED,
                "precondition_failed",
                "The file is another one than you have.",
            ),
            Self::RangeNotSatisfiable { .. } => (
                S::RANGE_NOT_SATISFIABLE,
                "range_not_satisfiable",
                "The file is shorter than that.",
            ),
            Self::NotFound => (S::NOT_FOUND, "not_found", "There is nothing here."),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Files can only be fetched here.",
            ),
            Self::Prefetch => (
                S::SERVICE_UNAVAILABLE,
                "prefetch",
                "Download links are not fetched in advance.",
            ),
            Self::HungUp => (
                S::BAD_REQUEST,
                "hung_up",
                "The connection was ended before the download began.",
            ),
            Self::Draining => (S::SERVICE_UNAVAILABLE, "draining", LATER),
            Self::NoKeys => (S::SERVICE_UNAVAILABLE, "no_keys", LATER),
            Self::UnknownKey => (S::SERVICE_UNAVAILABLE, "unknown_key", LATER),
            Self::StaleKeys => (S::SERVICE_UNAVAILABLE, "stale_keys", LATER),
            Self::Clocks => (S::SERVICE_UNAVAILABLE, "clocks", LATER),
            Self::LedgerFull => (S::SERVICE_UNAVAILABLE, "ledger_full", LATER),
            Self::TooManyConnections => (
                S::SERVICE_UNAVAILABLE,
                "too_many_connections",
                "There are too many connections from your address. Please try again shortly.",
            ),
            Self::TooManyStreams => (
                S::SERVICE_UNAVAILABLE,
                "too_many_streams",
                "There are too many downloads by this link. Please try again shortly.",
            ),
            Self::Store => (S::SERVICE_UNAVAILABLE, "store", LATER),
            Self::Bug => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side.",
            ),
        }
    }

    /// The stable code, for clients, the log and the metrics.
    pub(crate) fn code(self) -> &'static str {
        let (_, code, _) = self.public();
        code
    }

    /// The file a new link would bring.
    fn file(self) -> Option<Uuid> {
        match self {
            Self::Expired(file) | Self::Used(file) => Some(file),
            _ => None,
        }
    }

    /// The answer, in the form this client understands.
    pub(crate) fn answer(self, request: &Request, manner: Manner, shop: &BaseUrl) -> HttpResponse {
        let (status, code, sentence) = self.public();
        let connection = connection::of(request).filter(|_| manner.saves_anything);
        match connection {
            // Other downloads share it: only this answer breaks off.
            Some(connection) if connection.is_multiplexed() => {
                let broken = stream::once(ready(Err::<Bytes, _>(io::Error::other("refused"))));
                let mut response = HttpResponse::build(status).body(BodyStream::new(broken));
                response.extensions_mut().insert(Code(code));
                return response;
            }
            Some(connection) => connection.end(),
            None => {}
        }
        let library = match self.file() {
            Some(file) => shop.join(&format!("/library?file={file}")),
            None => shop.join("/library"),
        };
        let mut response = if manner.navigates && self.file().is_some() {
            HttpResponse::SeeOther()
                .insert_header((LOCATION, library))
                .finish()
        } else if manner.reads_html {
            let page = page(sentence, &library);
            HttpResponse::build(status)
                .content_type("text/html; charset=utf-8")
                .body(page)
        } else {
            let title = status.canonical_reason().unwrap_or_default();
            let problem = json!({
                "type": "about:blank", "title": title, "status": status.as_u16(),
                "detail": sentence, "code": code,
            });
            HttpResponse::build(status)
                .content_type("application/problem+json")
                .body(problem.to_string())
        };
        self.add_headers(&mut response);
        response.extensions_mut().insert(Code(code));
        response
    }

    fn add_headers(self, response: &mut HttpResponse) {
        use actix_web::http::header::HeaderValue;
        let headers = response.headers_mut();
        match self {
            Self::RangeNotSatisfiable { size } => {
                headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
                if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
                    headers.insert(CONTENT_RANGE, value);
                }
            }
            Self::MethodNotAllowed => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            _ if self.public().0 == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
    }
}

/// A page that needs nothing but itself: the policy of this server forbids even a stylesheet.
fn page(sentence: &str, library: &str) -> String {
    let library = library
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{sentence}</title>\n\
         <h1>{sentence}</h1>\n\
         <p>Your purchases are safe: <a href=\"{library}\">get a new link from your library</a>.</p>\n"
    )
}
