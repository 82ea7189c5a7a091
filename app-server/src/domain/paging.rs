//! Long lists, a page at a time: each page continues after the last row of the one before.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, Utc};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Rows of a page when the client does not say.
pub const DEFAULT_LIMIT: u8 = 24;

/// The most rows of a page.
pub const MAX_LIMIT: u8 = 100;

/// No cursor of ours is longer, in bytes; a title takes most of it.
const MAX_CURSOR_BYTES: usize = 2_000;

/// `?limit=`: 1 to 100, 24 when absent.
pub fn parse_limit(text: Option<&str>) -> Option<u8> {
    let Some(text) = text else {
        return Some(DEFAULT_LIMIT);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
}

/// Where the next page begins, as text that means nothing to its bearer.
pub fn encode_cursor(position: &impl Serialize) -> Option<String> {
    serde_json::to_vec(position)
        .ok()
        .map(|json| URL_SAFE_NO_PAD.encode(json))
}

/// The position a cursor of ours stands for; nothing for any other text.
pub fn decode_cursor<P: DeserializeOwned>(text: &str) -> Option<P> {
    if text.len() > MAX_CURSOR_BYTES {
        return None;
    }
    let position: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    if !has_sound_instants(&position) {
        return None;
    }
    serde_json::from_value(position).ok()
}

/// No instant in it lies beyond the years that PostgreSQL and we agree on.
fn has_sound_instants(position: &Value) -> bool {
    match position {
        Value::String(text) => text
            .parse::<DateTime<Utc>>()
            .map_or(true, |at| (0..=9_999).contains(&at.year())),
        Value::Array(values) => values.iter().all(has_sound_instants),
        Value::Object(values) => values.values().all(has_sound_instants),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// `?after=` of the next page, if there is one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` out of `items`, of which one more was asked for.
    pub fn cut<P: Serialize>(mut items: Vec<T>, limit: u8, position: impl Fn(&T) -> P) -> Self {
        let limit = usize::from(limit);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .and_then(|last| encode_cursor(&position(last)));
        Self { items, next }
    }

    /// The same page of other things.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_are_1_to_100() {
        assert_eq!(parse_limit(None), Some(24));
        assert_eq!(parse_limit(Some("1")), Some(1));
        assert_eq!(parse_limit(Some("100")), Some(100));
        for bad in ["", "0", "101", "-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(parse_limit(Some(bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn a_page_names_its_successor_only_when_there_is_one() {
        let page = Page::cut(vec![1, 2, 3], 2, |last| *last);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(decode_cursor::<i32>(&page.next.unwrap()), Some(2));
        assert_eq!(Page::cut(vec![1, 2], 2, |last| *last).next, None);
        assert_eq!(Page::cut(Vec::<i32>::new(), 2, |last| *last).next, None);
    }

    #[test]
    fn an_instant_beyond_all_calendars_is_no_position() {
        let cursor = |at: &str| encode_cursor(&(at, 1)).unwrap();
        let decode = |text: &str| decode_cursor::<(DateTime<Utc>, i32)>(text);
        assert!(decode(&cursor("2026-11-24T00:00:00Z")).is_some());
        assert!(decode(&cursor("-200000-01-01T00:00:00Z")).is_none());
        assert!(decode(&cursor("+200000-01-01T00:00:00Z")).is_none());
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went(key in any::<String>(), id in any::<u128>()) {
            let cursor = encode_cursor(&(&key, id.to_string())).unwrap();
            prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(decode_cursor::<(String, String)>(&cursor), Some((key, id.to_string())));
        }

        #[test]
        fn any_other_text_is_refused_and_nothing_breaks(text in "\\PC{0,60}") {
            prop_assert_eq!(decode_cursor::<(String, i64, bool)>(&text), None);
        }
    }
}
