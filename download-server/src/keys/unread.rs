//! Why keys could not be read: whole for the log, in a word for the metrics.

use shared::key_set::KeySetError;

/// A reading that brought no keys.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) reason: Reason,
    pub(crate) error: anyhow::Error,
}

/// What was wrong, one value for each thing an operator would do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// No connection, or no file.
    Unreachable,
    /// Not whole within the deadline.
    Slow,
    /// Any answer but 200; a redirect too, since none is followed.
    Status,
    TooLarge,
    /// No key set, or a key in it that is none.
    Malformed,
    /// A private half, published.
    Private,
    /// No key that could verify a token.
    Empty,
}

impl Reason {
    pub(crate) const ALL: [Self; 7] = [
        Self::Unreachable,
        Self::Slow,
        Self::Status,
        Self::TooLarge,
        Self::Malformed,
        Self::Private,
        Self::Empty,
    ];

    /// The stable word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Status => "status",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Private => "private",
            Self::Empty => "empty",
        }
    }
}

impl Unread {
    pub(crate) fn new(reason: Reason, error: anyhow::Error) -> Self {
        Self { reason, error }
    }
}

impl From<reqwest::Error> for Unread {
    fn from(error: reqwest::Error) -> Self {
        let reason = if error.is_timeout() {
            Reason::Slow
        } else {
            Reason::Unreachable
        };
        Self::new(reason, error.into())
    }
}

impl From<KeySetError> for Unread {
    fn from(error: KeySetError) -> Self {
        let reason = match error {
            KeySetError::TooLarge => Reason::TooLarge,
            KeySetError::Json(_) | KeySetError::Malformed(_) => Reason::Malformed,
            KeySetError::Private => Reason::Private,
        };
        Self::new(reason, error.into())
    }
}
