//! Names of files as people see them.

use std::{borrow::Cow, fmt};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// The longest [`FileName`], in bytes of UTF-8.
pub const MAX_FILE_NAME_BYTES: usize = 200;

/// The name a downloaded file is offered under.
///
/// 1 to 200 bytes of UTF-8 without control characters, slashes, backslashes and the characters
/// that reverse the direction of writing (`txt.exe` must not read as `exe.txt`); never `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FileName(String);

impl FileName {
    /// The name, if `text` is one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_FILE_NAME_BYTES).contains(&text.len());
        let valid = fits && text != "." && text != ".." && !text.contains(is_forbidden);
        valid.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl TryFrom<String> for FileName {
    type Error = InvalidFileName;

    fn try_from(text: String) -> Result<Self, InvalidFileName> {
        Self::parse(&text).ok_or(InvalidFileName)
    }
}

/// The text cannot name a file.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected a file name of 1 to {MAX_FILE_NAME_BYTES} bytes, without control characters or slashes"
)]
pub struct InvalidFileName;

fn is_forbidden(character: char) -> bool {
    let overrides_direction =
        matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || matches!(character, '/' | '\\') || overrides_direction
}

/// What RFC 8187 lets stand unencoded in `filename*` (§3.2.1, attr-char).
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A `Content-Disposition` that makes browsers save the answer as `name`.
///
/// `filename` is ASCII that every client reads alike: quotes, backslashes and percent signs, about
/// which they differ, become underscores. Where that lost something, `filename*` says the name in
/// full (RFC 6266 §4.3, RFC 8187). Whatever `name` holds, the result is a valid header value.
pub fn content_disposition(name: &str) -> String {
    let name: Cow<'_, str> = match name {
        "" | "." | ".." => "download".into(),
        _ if name.contains(is_forbidden) => name.replace(is_forbidden, "_").into(),
        _ => name.into(),
    };
    let plain = |c: char| c == ' ' || c.is_ascii_graphic() && !matches!(c, '"' | '%');
    let fallback: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if fallback == name {
        return format!("attachment; filename=\"{fallback}\"");
    }
    let encoded = utf8_percent_encode(&name, NOT_ATTR_CHAR);
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_could_leave_a_folder_or_deceive_are_refused() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "\u{202e}fdp.exe",
        ] {
            assert_eq!(FileName::parse(name), None, "{name:?}");
        }
        assert!(FileName::parse(&"a".repeat(200)).is_some());
        assert!(FileName::parse(&"a".repeat(201)).is_none());
        assert!(FileName::parse("Kön\u{200d}ig’s “Guide”.pdf").is_some());
    }

    #[test]
    fn dispositions_are_what_the_documents_say() {
        for (name, header) in [
            ("guide.pdf", "attachment; filename=\"guide.pdf\""),
            ("a b.txt", "attachment; filename=\"a b.txt\""),
            (
                "€.txt",
                "attachment; filename=\"_.txt\"; filename*=UTF-8''%E2%82%AC.txt",
            ),
            (
                "100%.txt",
                "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt",
            ),
            (
                "\"x\".txt",
                "attachment; filename=\"_x_.txt\"; filename*=UTF-8''%22x%22.txt",
            ),
            (
                "a\r\nSet-Cookie: b",
                "attachment; filename=\"a__Set-Cookie: b\"",
            ),
            ("", "attachment; filename=\"download\""),
        ] {
            assert_eq!(content_disposition(name), header);
        }
    }

    #[test]
    fn only_valid_names_come_back_from_json() {
        assert!(serde_json::from_str::<FileName>("\"a/b\"").is_err());
        let name: FileName = serde_json::from_str("\"b.txt\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"b.txt\"");
    }

    proptest! {
        #[test]
        fn a_disposition_is_always_one_line_of_ascii_with_balanced_quotes(name in any::<String>()) {
            let header = content_disposition(&name);
            prop_assert!(header.bytes().all(|b| (0x20..0x7f).contains(&b)));
            prop_assert_eq!(header.matches('"').count(), 2);
            prop_assert!(!header.contains(['\\', '/']));
        }

        #[test]
        fn the_full_name_can_be_read_back(name in any::<String>()) {
            prop_assume!(FileName::parse(&name).is_some());
            let header = content_disposition(&name);
            let read = match header.split_once("filename*=UTF-8''") {
                Some((_, encoded)) => {
                    percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap().into_owned()
                }
                None => header.split('"').nth(1).unwrap().to_owned(),
            };
            prop_assert_eq!(read, name);
        }
    }
}
