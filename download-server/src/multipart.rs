//! What the body of a delivery is made of.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::ranges::ByteRange;

/// What a body is made of, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Lines of ours, between parts of the file.
    #[expect(dead_code, reason = "there is only one part yet")]
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

/// How long a body of these pieces is, in bytes.
pub(crate) fn total_len(pieces: &VecDeque<Piece>) -> u64 {
    pieces.iter().map(Piece::len).sum()
}
