//! Conditions and ranges: a line `METHOD size modified`, then headers, a line each.

#![no_main]

use actix_web::http::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use download_server::fuzzing::{Asked, evaluate};
use libfuzzer_sys::fuzz_target;

const ETAG: &str = "\"e\"";

fuzz_target!(|text: &[u8]| {
    let mut lines = text.split(|byte| *byte == b'\n');
    let Some((method, size, modified)) = lines.next().and_then(request_line) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        if let Some((name, value)) = header(line) {
            headers.append(name, value);
        }
    }
    judge(&method, &headers, modified, size);
});

fn request_line(line: &[u8]) -> Option<(Method, u64, Option<i64>)> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let method = words.next()?.parse().ok()?;
    let size = words.next()?.parse().ok()?;
    let modified = words.next().and_then(|word| word.parse().ok());
    Some((method, size, modified))
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    let value = value.get(1..)?.trim_ascii();
    Some((
        HeaderName::from_bytes(name).ok()?,
        HeaderValue::from_bytes(value).ok()?,
    ))
}

fn judge(method: &Method, headers: &HeaderMap, modified: Option<i64>, size: u64) {
    let has = |name: &str| headers.contains_key(name);
    let asked = evaluate(method, headers, ETAG, modified, size);
    match &asked {
        Asked::Whole => {}
        Asked::Parts(parts) => {
            assert!(*method == Method::GET && has("range"));
            lie_within(parts, size);
        }
        Asked::RangeNotSatisfiable => assert!(*method == Method::GET && has("range")),
        Asked::NotModified => assert!(has("if-none-match") || has("if-modified-since")),
        Asked::PreconditionFailed => assert!(has("if-match") || has("if-unmodified-since")),
    }
    if has("if-match") && has("if-unmodified-since") {
        let asked_without = evaluate(
            method,
            &without(headers, "if-unmodified-since"),
            ETAG,
            modified,
            size,
        );
        assert_eq!(asked, asked_without, "If-Match goes before the date");
    }
    if has("if-none-match") && has("if-modified-since") {
        let asked_without = evaluate(
            method,
            &without(headers, "if-modified-since"),
            ETAG,
            modified,
            size,
        );
        assert_eq!(asked, asked_without, "If-None-Match goes before the date");
    }
    // A Range and its condition never turn a refusal into a delivery, nor the reverse.
    let whole = evaluate(&Method::HEAD, headers, ETAG, modified, size);
    match asked {
        Asked::NotModified | Asked::PreconditionFailed => assert_eq!(asked, whole),
        Asked::Whole | Asked::Parts(_) | Asked::RangeNotSatisfiable => {
            assert_eq!(whole, Asked::Whole);
        }
    }
    if let Some(expected) = plain(method, headers, size) {
        assert_eq!(asked, expected);
    }
}

fn without(headers: &HeaderMap, name: &str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(name);
    headers
}

/// Each part has bytes of the file, and no byte is in two.
fn lie_within(parts: &[(u64, u64)], size: u64) {
    assert!(!parts.is_empty());
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let mut sent_until = 0;
    for (start, end) in sorted {
        assert!(
            sent_until <= start && start < end && end <= size,
            "{parts:?} of {size}"
        );
        sent_until = end;
    }
}

/// What the plainest of requests asks: `Range: bytes=first-last` and no condition.
fn plain(method: &Method, headers: &HeaderMap, size: u64) -> Option<Asked> {
    if *method != Method::GET || headers.len() != 1 {
        return None;
    }
    let range = headers.get("range")?.to_str().ok()?;
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    Some(if last < first {
        Asked::Whole
    } else if first >= size {
        Asked::RangeNotSatisfiable
    } else {
        Asked::Parts(vec![(first, last.saturating_add(1).min(size))])
    })
}
