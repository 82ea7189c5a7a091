//! Answers that speak of the file: 200, 206 and 304.

use std::{
    collections::VecDeque,
    fs::File,
    time::{Duration, UNIX_EPOCH},
};

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::SizedStream,
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
use shared::{file_name::content_disposition, token::DownloadToken};

use crate::{
    conditions::Validators,
    ledger::Claim,
    multipart::{Piece, lay_out, new_boundary, total_len},
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

    /// Only what RFC 9110 §15.4.5 lists: whoever has this `ETag` has the rest.
    pub(crate) fn not_modified(&self) -> HttpResponse {
        let mut response = HttpResponse::NotModified();
        response.insert_header((ETAG, self.etag.as_str())).finish()
    }

    /// What GET would say, without the file.
    pub(crate) fn head(&self) -> HttpResponse {
        // The size alone makes the Content-Length; a HEAD's body is never sent.
        let nothing = stream::empty::<Result<_, std::io::Error>>();
        self.delivery(StatusCode::OK)
            .body(SizedStream::new(self.token.size, nothing))
    }

    /// The whole file, or the parts of it that were asked for, if there are any.
    pub(crate) fn body(
        &self,
        file: File,
        parts: &[ByteRange],
        claim: Option<Claim>,
        deadline: Deadline,
        running: RunningDelivery,
    ) -> HttpResponse {
        let (mut response, pieces) = match parts {
            [] => self.whole(),
            [part] => self.part(*part),
            several => self.several(several),
        };
        let key = self.token.key;
        response.body(FileStream::new(file, key, pieces, claim, deadline, running))
    }

    fn whole(&self) -> (HttpResponseBuilder, VecDeque<Piece>) {
        let (start, end) = (0, self.token.size);
        let pieces = VecDeque::from([Piece::File(ByteRange { start, end })]);
        (self.delivery(StatusCode::OK), pieces)
    }

    fn part(&self, part: ByteRange) -> (HttpResponseBuilder, VecDeque<Piece>) {
        let mut response = self.delivery(StatusCode::PARTIAL_CONTENT);
        response.insert_header((CONTENT_RANGE, part.content_range(self.token.size)));
        (response, VecDeque::from([Piece::File(part)]))
    }

    /// The places are in the parts here; the answer as a whole has none (RFC 9110 §15.3.7.2).
    ///
    /// Where the parts with their lines would be as long as the file, the file is sent: an answer
    /// is never longer for being asked in pieces.
    fn several(&self, parts: &[ByteRange]) -> (HttpResponseBuilder, VecDeque<Piece>) {
        let boundary = new_boundary();
        let pieces = lay_out(parts, self.token.size, self.media_type(), &boundary);
        if total_len(&pieces) >= self.token.size {
            return self.whole();
        }
        let mut response = self.delivery(StatusCode::PARTIAL_CONTENT);
        let media_type = format!("multipart/byteranges; boundary={boundary}");
        response.insert_header((CONTENT_TYPE, media_type));
        (response, pieces)
    }

    fn delivery(&self, status: StatusCode) -> HttpResponseBuilder {
        let digest = STANDARD.encode(self.token.key.digest());
        let mut response = HttpResponse::build(status);
        if let Some(secs) = self.last_modified.and_then(|secs| u64::try_from(secs).ok()) {
            let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(secs));
            response.insert_header((LAST_MODIFIED, date));
        }
        response
            .insert_header((ETAG, self.etag.as_str()))
            .insert_header((ACCEPT_RANGES, "bytes"))
            .insert_header((CONTENT_TYPE, self.media_type()))
            .insert_header((CONTENT_DISPOSITION, content_disposition(&self.token.name)))
            // RFC 9530 §3: the digest of the whole, on parts too.
            .insert_header(("Repr-Digest", format!("sha-256=:{digest}:")));
        response
    }

    /// What the token says, unless no header could.
    fn media_type(&self) -> &str {
        let said = self.token.media_type.as_str();
        if said.is_empty() || HeaderValue::from_str(said).is_err() {
            return "application/octet-stream";
        }
        said
    }
}
