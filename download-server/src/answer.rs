//! Answers that speak of the file: 200, 206 and 304.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody, SizedStream},
    http::{
        StatusCode,
        header::{
            ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue,
            HttpDate, LAST_MODIFIED,
        },
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::stream;
use shared::{file_name::content_disposition, file_store::Opened, token::DownloadToken};

use crate::{
    conditions::Validators,
    ledger::Claim,
    ranges::ByteRange,
    stream::{Deadline, FileStream},
    streams::RunningDelivery,
};

/// 9999-12-31T23:59:59Z, the last moment an HTTP date can say.
const LAST_HTTP_DATE: i64 = 253_402_300_799;

/// What a token says of its file, as headers say it.
pub(crate) struct Representation<'a> {
    token: &'a DownloadToken,
    etag: String,
    last_modified: Option<i64>,
}

impl<'a> Representation<'a> {
    /// A date that is still to come at `now` is not said (RFC 9110 §8.8.2.1).
    pub(crate) fn new(token: &'a DownloadToken, now: i64) -> Self {
        let published = Some(token.published_at);
        let last_modified = published.filter(|at| (0..=LAST_HTTP_DATE.min(now)).contains(at));
        Self {
            token,
            etag: format!("\"{}\"", token.key),
            last_modified,
        }
    }

    pub(crate) fn validators(&self) -> Validators<'_> {
        Validators {
            etag: &self.etag,
            last_modified: self.last_modified,
            size: self.token.size,
        }
    }

    pub(crate) fn not_modified(&self) -> HttpResponse {
        self.begin(StatusCode::NOT_MODIFIED).finish()
    }

    /// What GET would say, without the file.
    pub(crate) fn head(&self) -> HttpResponse {
        // The size alone makes the Content-Length; a HEAD's body is never sent.
        let nothing = stream::empty::<Result<_, std::io::Error>>();
        self.delivery(StatusCode::OK)
            .body(SizedStream::new(self.token.size, nothing))
    }

    /// The whole file, or the part that was asked for.
    pub(crate) fn body(
        &self,
        file: Opened,
        part: Option<ByteRange>,
        claim: Option<Claim>,
        deadline: Deadline,
        running: RunningDelivery,
    ) -> HttpResponse {
        let size = self.token.size;
        let range = part.unwrap_or(ByteRange {
            start: 0,
            end: size,
        });
        let stream = FileStream::new(file, self.token.key, range, claim, deadline, running);
        let mut response = match part {
            None => self.delivery(StatusCode::OK),
            Some(ByteRange { start, end }) => {
                let mut response = self.delivery(StatusCode::PARTIAL_CONTENT);
                let last = end.saturating_sub(1);
                response.insert_header((CONTENT_RANGE, format!("bytes {start}-{last}/{size}")));
                response
            }
        };
        debug_assert_eq!(stream.size(), BodySize::Sized(range.len()));
        response.body(stream)
    }

    fn begin(&self, status: StatusCode) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(status);
        response
            .insert_header((ETAG, self.etag.as_str()))
            .insert_header((ACCEPT_RANGES, "bytes"));
        if let Some(secs) = self.last_modified.and_then(|secs| u64::try_from(secs).ok()) {
            let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(secs));
            response.insert_header((LAST_MODIFIED, date));
        }
        response
    }

    fn delivery(&self, status: StatusCode) -> HttpResponseBuilder {
        let media_type = HeaderValue::from_str(&self.token.media_type).ok();
        let media_type = media_type.filter(|value| !value.is_empty());
        let digest = STANDARD.encode(self.token.key.digest());
        let mut response = self.begin(status);
        response
            .insert_header((
                CONTENT_TYPE,
                media_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
            ))
            .insert_header((CONTENT_DISPOSITION, content_disposition(&self.token.name)))
            // RFC 9530 §3: the digest of the whole, on parts too.
            .insert_header(("Repr-Digest", format!("sha-256=:{digest}:")));
        response
    }
}
