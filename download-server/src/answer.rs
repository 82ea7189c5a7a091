//! Answers that speak of the file: 200, 206 and 304.

use std::{
    collections::VecDeque,
    time::{Duration, UNIX_EPOCH},
};

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
use shared::{file_name::content_disposition, token::DownloadToken};

use crate::{
    conditions::{Due, Validators},
    files::OpenFile,
    multipart::{Piece, lay_out, new_boundary, total_len},
    ranges::ByteRange,
    request_log::IsDelivery,
    stream::{FileStream, Terms},
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

    /// The file or the parts of it that are due, if any.
    pub(crate) fn content_due(&self, due: &Due) -> Option<Content> {
        match due {
            Due::Whole => Some(self.content(&[])),
            Due::Parts(parts) => Some(self.content(parts)),
            Due::NotModified | Due::PreconditionFailed | Due::RangeNotSatisfiable => None,
        }
    }

    /// The whole file, or the parts of it that were asked for, if there are any.
    fn content(&self, parts: &[ByteRange]) -> Content {
        match parts {
            [] => self.whole(),
            [part] => self.part(*part),
            several => self.several(several),
        }
    }

    fn whole(&self) -> Content {
        let (start, end) = (0, self.token.size);
        let pieces = VecDeque::from([Piece::File(ByteRange { start, end })]);
        self.of_pieces(StatusCode::OK, pieces)
    }

    fn part(&self, part: ByteRange) -> Content {
        let pieces = VecDeque::from([Piece::File(part)]);
        let mut content = self.of_pieces(StatusCode::PARTIAL_CONTENT, pieces);
        let place = part.content_range(self.token.size);
        content.response.insert_header((CONTENT_RANGE, place));
        content
    }

    /// The places are in the parts here; the answer as a whole has none (RFC 9110 §15.3.7.2).
    ///
    /// Where the parts with their lines would be as long as the file, the file is sent: an answer
    /// is never longer for being asked in pieces.
    fn several(&self, parts: &[ByteRange]) -> Content {
        let boundary = new_boundary();
        let pieces = lay_out(parts, self.token.size, self.media_type(), &boundary);
        if total_len(&pieces) >= self.token.size {
            return self.whole();
        }
        let mut content = self.of_pieces(StatusCode::PARTIAL_CONTENT, pieces);
        let media_type = format!("multipart/byteranges; boundary={boundary}");
        content.response.insert_header((CONTENT_TYPE, media_type));
        content
    }

    fn of_pieces(&self, status: StatusCode, pieces: VecDeque<Piece>) -> Content {
        Content {
            response: self.delivery(status),
            status,
            pieces,
        }
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

/// An answer with the file or parts of it, before its first byte is sent.
pub(crate) struct Content {
    response: HttpResponseBuilder,
    pub(crate) status: StatusCode,
    pub(crate) pieces: VecDeque<Piece>,
}

impl Content {
    /// How long the body is, in bytes.
    pub(crate) fn n_bytes(&self) -> u64 {
        total_len(&self.pieces)
    }

    /// What of the file is read first.
    pub(crate) fn first(&self) -> Option<ByteRange> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::File(range) => Some(*range),
            Piece::Text(_) => None,
        })
    }

    /// Sends it from `file` under these `terms`.
    pub(crate) fn send(mut self, file: OpenFile, terms: Terms) -> HttpResponse {
        let n_bytes = self.n_bytes();
        let stream = FileStream::new(file, self.pieces, terms);
        if stream.size() == BodySize::Stream {
            self.response.no_chunking(n_bytes);
        }
        let mut response = self.response.body(stream);
        response.extensions_mut().insert(IsDelivery);
        response
    }
}
