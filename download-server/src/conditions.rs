//! Which answer the request's conditions ask for.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::{
    Method,
    header::{
        HeaderMap, HeaderName, HttpDate, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        IF_UNMODIFIED_SINCE, RANGE,
    },
};

use crate::ranges::{self, Asked, ByteRange};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// 200
    Whole,
    /// 206
    Part(ByteRange),
    /// 304
    NotModified,
    /// 412
    PreconditionFailed,
    /// 416
    RangeNotSatisfiable,
}

/// Evaluates the conditions in the order of RFC 9110 §13.2.2, then the range.
pub(crate) fn evaluate(method: &Method, headers: &HeaderMap, file: Validators<'_>) -> Due {
    if headers.contains_key(IF_MATCH) {
        if !tags(headers, &IF_MATCH).any(|tag| tag == "*" || tag == file.etag) {
            return Due::PreconditionFailed;
        }
    } else if let (Some(limit), Some(modified)) =
        (date(headers, &IF_UNMODIFIED_SINCE), file.last_modified)
        && modified > limit
    {
        return Due::PreconditionFailed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        // The weak comparison: a W/ says nothing against it (RFC 9110 §13.1.2).
        let same = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == file.etag;
        if tags(headers, &IF_NONE_MATCH).any(same) {
            return Due::NotModified;
        }
    } else if let (Some(since), Some(modified)) =
        (date(headers, &IF_MODIFIED_SINCE), file.last_modified)
        && modified <= since
    {
        return Due::NotModified;
    }
    // A Range means something to GET only (RFC 9110 §14.2).
    if *method != Method::GET || !is_for_this_version(headers, file) {
        return Due::Whole;
    }
    let mut range = headers.get_all(RANGE);
    let (Some(header), None) = (range.next(), range.next()) else {
        return Due::Whole;
    };
    match header
        .to_str()
        .map_or(Asked::Whole, |header| ranges::parse(header, file.size))
    {
        Asked::Whole => Due::Whole,
        Asked::Part(range) => Due::Part(range),
        Asked::Outside => Due::RangeNotSatisfiable,
    }
}

/// `If-Range`: the part is wanted only of exactly this version (RFC 9110 §13.1.5).
fn is_for_this_version(headers: &HeaderMap, file: Validators<'_>) -> bool {
    let Some(value) = headers.get(IF_RANGE) else {
        return true;
    };
    match value.to_str().map(str::trim) {
        Ok(tag) if tag.ends_with('"') => tag == file.etag,
        // The version never changes, so its date is as strong a validator as its tag.
        Ok(_) => file.last_modified.is_some() && date(headers, &IF_RANGE) == file.last_modified,
        Err(_) => false,
    }
}

/// The entity tags of a list, with their quotes and `W/`; a list that goes wrong ends there.
fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|mut rest| {
            std::iter::from_fn(move || {
                rest = rest.trim_start_matches([' ', '\t', ',']);
                let opening = if rest.starts_with("W/") { 2 } else { 0 };
                let end = if rest.starts_with('*') {
                    1
                } else {
                    let opaque = rest.get(opening..)?.strip_prefix('"')?;
                    opening + 2 + opaque.find('"')?
                };
                let (tag, after) = rest.split_at_checked(end)?;
                rest = after;
                Some(tag)
            })
        })
}

/// A date, whole seconds since 1970; a second header of the name, or a wrong date, is none.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let mut values = headers.get_all(name);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let date: SystemTime = value.to_str().ok()?.parse::<HttpDate>().ok()?.into();
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests;
