//! Values that travel as text, read where they stand in their document.

use std::fmt;

use serde::de::{Error, Visitor};

/// A text that a function makes a value of, and what it should have been.
pub(crate) struct Parsed<F>(pub(crate) F, pub(crate) &'static str);

impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Parsed<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let expected = self.1;
        (self.0)(text).ok_or_else(|| E::custom(format_args!("expected {expected}")))
    }
}
