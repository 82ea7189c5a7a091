//! An answer in a few words, once everything in it was found to agree.

use crate::wire::Answer;

/// `200 whole`, `206 0-9`, `206 multipart 0-0 500-599`, `416 */10000`, or the status alone.
///
/// Where the answer contradicts itself or the file, these are words that no table expects: a
/// length, a place or a byte is wrong, or a field is there that this status must not have.
pub(crate) fn summary(method: &str, answer: &Answer, file: &[u8]) -> String {
    let said = checked(method, answer, file);
    said.unwrap_or_else(|wrong| format!("{} with a contradiction: {wrong}", answer.status))
}

fn checked(method: &str, answer: &Answer, file: &[u8]) -> Result<String, String> {
    let (status, content_range) = (answer.status, answer.header("content-range"));
    let boundary = answer
        .header("content-type")
        .and_then(|media_type| media_type.strip_prefix("multipart/byteranges; boundary="));
    // §8.6: a length, where it is said, is exact; on HEAD and 304 it is that of a 200.
    let len = answer.header("content-length");
    let len: Option<usize> = len.and_then(|len| len.parse().ok());
    let is_exact = match (method, status) {
        ("HEAD", 200) => len == Some(file.len()),
        (_, 304) => len.is_none_or(|len| len == file.len()),
        ("HEAD", _) => true,
        _ => len == Some(answer.body.len()),
    };
    check(is_exact, "the length")?;
    match (status, boundary, content_range) {
        (200, None, None) if method == "HEAD" => Ok("200 head".to_owned()),
        (200, None, None) => {
            check(answer.body == file, "the body")?;
            Ok("200 whole".to_owned())
        }
        (206, None, Some(_)) if method == "HEAD" => Ok("206 head".to_owned()),
        (206, None, Some(place)) => Ok(format!("206 {}", part(place, &answer.body, file)?)),
        (206, Some(boundary), None) => multipart(boundary, &answer.body, file),
        (416, None, Some(size)) => {
            check(size == format!("bytes */{}", file.len()), size)?;
            Ok(format!("416 */{}", file.len()))
        }
        (status, None, None) if !matches!(status, 206 | 416) => Ok(status.to_string()),
        _ => Err(format!("{boundary:?} and {content_range:?}")),
    }
}

/// `0-9` of a part that is where its `Content-Range` says.
fn part(content_range: &str, bytes: &[u8], file: &[u8]) -> Result<String, String> {
    let numbers = || {
        let (place, size) = content_range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = place.split_once('-')?;
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        let is_there = file.get(first..=last) == Some(bytes) && size.parse() == Ok(file.len());
        is_there.then(|| place.to_owned())
    };
    let n_bytes = bytes.len();
    numbers().ok_or_else(|| format!("{n_bytes} bytes that are not {content_range}"))
}

/// A body taken apart by the delimiters of RFC 2046 §5.1.1 and nothing else.
fn multipart(boundary: &str, body: &[u8], file: &[u8]) -> Result<String, String> {
    // The line end before the first delimiter may be left out.
    let body = [b"\r\n", body.strip_prefix(b"\r\n").unwrap_or(body)].concat();
    let delimiter = format!("\r\n--{boundary}");
    let (preamble, mut rest) = cut(&body, delimiter.as_bytes())?;
    check(preamble.is_empty(), "a preamble")?;
    let mut said = "206 multipart".to_owned();
    while rest != b"--\r\n" {
        let (_, after) = cut(rest, b"\r\n")?;
        let (head, after) = cut(after, b"\r\n\r\n")?;
        let (bytes, after) = cut(after, delimiter.as_bytes())?;
        let head = String::from_utf8_lossy(head);
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        check(value("Content-Type: ") == Some("application/pdf"), &head)?;
        let place = value("Content-Range: ").ok_or("no place")?;
        said = format!("{said} {}", part(place, bytes, file)?);
        rest = after;
    }
    Ok(said)
}

/// What comes before and after the first `pattern`.
fn cut<'a>(bytes: &'a [u8], pattern: &[u8]) -> Result<(&'a [u8], &'a [u8]), String> {
    let mut windows = bytes.windows(pattern.len());
    let at = windows.position(|window| window == pattern);
    let at = at.ok_or_else(|| format!("no {:?}", String::from_utf8_lossy(pattern)))?;
    Ok((&bytes[..at], &bytes[at + pattern.len()..]))
}

fn check(holds: bool, what: &str) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| what.to_owned())
}
