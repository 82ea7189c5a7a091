//! Which answer the request's conditions ask for.

use actix_web::http::{
    Method,
    header::{
        HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        IF_UNMODIFIED_SINCE, RANGE,
    },
};

use crate::{
    http_date,
    ranges::{self, Asked, ByteRange},
};

/// What conditions and ranges compare a request with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// A strong entity tag, quotes included.
    pub(crate) etag: &'a str,
    /// Whole seconds since 1970, if there is a date to say.
    pub(crate) last_modified: Option<i64>,
    /// Bytes.
    pub(crate) size: u64,
}

/// The answer that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// 200
    Whole,
    /// 206
    Parts(Vec<ByteRange>),
    /// 304
    NotModified,
    /// 412
    PreconditionFailed,
    /// 416
    RangeNotSatisfiable,
}

/// Evaluates the conditions in the order of RFC 9110 §13.2.2, then the range; for GET and HEAD.
///
/// `now`, in whole seconds since 1970, is for dates whose year has two digits.
pub(crate) fn evaluate(
    method: &Method,
    headers: &HeaderMap,
    file: Validators<'_>,
    now: i64,
) -> Due {
    if headers.contains_key(IF_MATCH) {
        // The strong comparison: a W/ is never the same (RFC 9110 §13.1.1).
        let is_same = |tag: &[u8]| tag == file.etag.as_bytes();
        if !is_any(headers, &IF_MATCH) && !tags(headers, &IF_MATCH).any(is_same) {
            return Due::PreconditionFailed;
        }
    } else if let (Some(limit), Some(modified)) =
        (date(headers, &IF_UNMODIFIED_SINCE, now), file.last_modified)
        && modified > limit
    {
        return Due::PreconditionFailed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        // The weak comparison: a W/ says nothing against it (RFC 9110 §13.1.2).
        let is_same = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag) == file.etag.as_bytes();
        if is_any(headers, &IF_NONE_MATCH) || tags(headers, &IF_NONE_MATCH).any(is_same) {
            return Due::NotModified;
        }
    } else if let (Some(since), Some(modified)) =
        (date(headers, &IF_MODIFIED_SINCE, now), file.last_modified)
        && modified <= since
    {
        return Due::NotModified;
    }
    // A Range means something to GET only (RFC 9110 §14.2).
    if *method != Method::GET || !is_for_this_version(headers, file, now) {
        return Due::Whole;
    }
    match only(headers, &RANGE).and_then(|range| range.to_str().ok()) {
        None => Due::Whole,
        Some(range) => match ranges::parse(range, file.size) {
            Asked::Whole => Due::Whole,
            Asked::Parts(parts) => Due::Parts(parts),
            Asked::Outside => Due::RangeNotSatisfiable,
        },
    }
}

/// `If-Range`: the part is wanted only of exactly this version (RFC 9110 §13.1.5).
fn is_for_this_version(headers: &HeaderMap, file: Validators<'_>, now: i64) -> bool {
    if !headers.contains_key(IF_RANGE) {
        return true;
    }
    let is_tag = only(headers, &IF_RANGE).is_some_and(|value| value == file.etag);
    // The version never changes, so its date is as strong a validator as its tag.
    let date = date(headers, &IF_RANGE, now);
    is_tag || (date.is_some() && date == file.last_modified)
}

/// The header of that name, unless there is a second one.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name);
    values.next().filter(|_| values.next().is_none())
}

/// `*`: any version will do. In a list it means nothing.
fn is_any(headers: &HeaderMap, name: &HeaderName) -> bool {
    only(headers, name).is_some_and(|value| value == "*")
}

/// The entity tags of a list, with their quotes and `W/`; a list that goes wrong ends there.
///
/// Bytes, because a tag may hold some that are not ASCII (RFC 9110 §8.8.3).
fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).flat_map(|value| {
        let mut rest = value.as_bytes();
        std::iter::from_fn(move || {
            while let [b' ' | b'\t' | b',', after @ ..] = rest {
                rest = after;
            }
            let opening = if rest.starts_with(b"W/") { 2 } else { 0 };
            let opaque = rest.get(opening..)?.strip_prefix(b"\"")?;
            let end = opening + 2 + opaque.iter().position(|byte| *byte == b'"')?;
            let (tag, after) = rest.split_at_checked(end)?;
            rest = after.trim_ascii_start();
            (rest.is_empty() || rest.starts_with(b",")).then_some(tag)
        })
    })
}

/// A date, whole seconds since 1970; a second header of the name, or a wrong date, is none.
fn date(headers: &HeaderMap, name: &HeaderName, now: i64) -> Option<i64> {
    http_date::parse(only(headers, name)?.to_str().ok()?, now)
}

#[cfg(test)]
mod tests;
