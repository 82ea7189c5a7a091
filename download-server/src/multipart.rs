//! `multipart/byteranges`: several parts of a file in one body.

use std::collections::VecDeque;

use bytes::Bytes;
use uuid::Uuid;

use crate::ranges::ByteRange;

/// What a body is made of, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Lines of ours.
    Text(Bytes),
    /// Bytes of the file.
    File(ByteRange),
}

impl Piece {
    /// Bytes on the wire.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(range) => range.len(),
        }
    }
}

/// What divides the parts: 32 characters that nobody who wrote the file could know.
pub(crate) fn new_boundary() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The body that holds `parts` of a file of `size` bytes, each with its own type and place.
///
/// # Source
/// RFC 9110 §14.6 (the media type), RFC 2046 §5.1.1 (the delimiters).
pub(crate) fn lay_out(
    parts: &[ByteRange],
    size: u64,
    media_type: &str,
    boundary: &str,
) -> VecDeque<Piece> {
    let mut pieces = VecDeque::with_capacity(2 * parts.len() + 1);
    let mut line_end = "";
    for part in parts {
        let content_range = part.content_range(size);
        let lines = format!(
            "{line_end}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {content_range}\r\n\r\n"
        );
        pieces.push_back(Piece::Text(lines.into()));
        pieces.push_back(Piece::File(*part));
        line_end = "\r\n";
    }
    pieces.push_back(Piece::Text(format!("{line_end}--{boundary}--\r\n").into()));
    pieces
}

/// How long a body of these pieces is, in bytes.
pub(crate) fn total_len(pieces: &VecDeque<Piece>) -> u64 {
    pieces.iter().map(Piece::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::SMALL_GAP_BYTES;

    const FIRST: ByteRange = ByteRange { start: 0, end: 2 };
    const LAST: ByteRange = ByteRange {
        start: 98,
        end: 100,
    };

    #[test]
    fn a_body_is_laid_out_as_the_rfc_shows_it() {
        let pieces = lay_out(&[LAST, FIRST], 100, "text/plain", "B");
        let text = |text: &'static str| Piece::Text(Bytes::from_static(text.as_bytes()));
        let expected = [
            text("--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 98-99/100\r\n\r\n"),
            Piece::File(LAST),
            text("\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/100\r\n\r\n"),
            Piece::File(FIRST),
            text("\r\n--B--\r\n"),
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn a_part_costs_at_least_the_gap_that_is_closed_for_it() {
        let shortest = ByteRange { start: 0, end: 1 };
        let len = |n_parts| {
            let parts = vec![shortest; n_parts];
            total_len(&lay_out(&parts, 1, "a/b", &new_boundary()))
        };
        assert!(len(3) - len(2) - shortest.len() >= SMALL_GAP_BYTES);
    }

    #[test]
    fn no_boundary_comes_twice() {
        assert_ne!(new_boundary(), new_boundary());
        assert_eq!(new_boundary().len(), 32);
    }
}
