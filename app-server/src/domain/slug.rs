//! The short names that addresses and tags are made of.

use std::fmt;

/// Lower-case letters, digits and single hyphens between them, 1 to 80 in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Slug(String);

/// The longest slug in bytes.
const MAX_BYTES: usize = 80;

impl Slug {
    /// A slug, if `text` is written as one.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let sound = text.len() <= MAX_BYTES && text.split('-').all(letters);
        sound.then(|| Self(text.to_owned()))
    }

    /// As it stands in an address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slug_is_lower_case_words_with_hyphens() {
        for good in ["a", "field-guide", "2026", "a-1-b", &"a".repeat(80)] {
            assert!(Slug::parse(good).is_some(), "{good:?}");
        }
        for bad in [
            "",
            "-",
            "a-",
            "-a",
            "a--b",
            "A",
            "a b",
            "a/b",
            "..",
            "ä",
            "a\0",
            &"a".repeat(81),
        ] {
            assert!(Slug::parse(bad).is_none(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_in_a_slug_needs_escaping_anywhere(text in "\\PC{0,90}") {
            if let Some(slug) = Slug::parse(&text) {
                prop_assert!(slug.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            }
        }
    }
}
