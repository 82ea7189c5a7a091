//! The `Range` header: some ranges of bytes, or the whole.

/// The most ranges a header may ask for; one with more is ignored.
///
/// Twice what tools that patch a file from a dozen places ask for at once (zsync: 20), and few
/// enough that an answer's own lines stay within a few kilobytes.
pub(crate) const MAX_RANGES: usize = 32;

/// Ranges nearer to each other than this are sent as one.
///
/// "Around 80 bytes" is what RFC 9110 §15.3.7.2 gives as a part's overhead; ours is never less.
pub(crate) const SMALL_GAP_BYTES: u64 = 80;

/// Bytes of a file, from `start` up to but not including `end`; never empty but in an empty file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl ByteRange {
    pub(crate) fn len(self) -> u64 {
        self.end - self.start
    }

    /// The value of a `Content-Range`, for a file of `size` bytes.
    pub(crate) fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.start, self.end.saturating_sub(1))
    }
}

/// What a `Range` header asks of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing that is understood, or too much: the header is to be ignored.
    Whole,
    /// At least one, in the order they were asked for; any two have a gap between them.
    Parts(Vec<ByteRange>),
    /// Nothing of what is asked for is in the file.
    Outside,
}

/// A header with something in it that is no range.
struct Malformed;

/// Reads a `Range` header about a file of `size` bytes.
///
/// Of several ranges, those outside the file are left out, and those that overlap or nearly touch
/// become one, at the place of the first of them. So the parts are never longer than the file.
///
/// # Source
/// RFC 9110 §14.1.1 (syntax), §14.1.2 (bytes, what is satisfiable), §14.2 (what is not understood
/// or looks like an attack is ignored), §15.3.7.2 (one of many; order), §5.6.1.2 (empty elements).
pub(crate) fn parse(header: &str, size: u64) -> Asked {
    match in_the_file(header, size) {
        Err(Malformed) => Asked::Whole,
        Ok(parts) if parts.is_empty() => Asked::Outside,
        // The last bytes of an empty file are the whole of it, and no Content-Range can say so.
        Ok(_) if size == 0 => Asked::Whole,
        Ok(parts) => Asked::Parts(coalesced(parts)),
    }
}

/// The satisfiable ranges of a header, as they stand there.
fn in_the_file(header: &str, size: u64) -> Result<Vec<ByteRange>, Malformed> {
    let (unit, set) = header.split_once('=').ok_or(Malformed)?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return Err(Malformed);
    }
    let specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t']));
    let mut n_specs = 0;
    let mut parts = Vec::new();
    for spec in specs.filter(|spec| !spec.is_empty()) {
        n_specs += 1;
        if n_specs > MAX_RANGES {
            return Err(Malformed);
        }
        parts.extend(part(spec, size)?);
    }
    if n_specs == 0 {
        return Err(Malformed);
    }
    Ok(parts)
}

/// The bytes of one range; `None` when the file has none of them.
fn part(spec: &str, size: u64) -> Result<Option<ByteRange>, Malformed> {
    let (first, last) = spec.split_once('-').ok_or(Malformed)?;
    match (number(first)?, number(last)?) {
        (None, None) => Err(Malformed),
        (Some(first), Some(last)) if last < first => Err(Malformed),
        (Some(first), last) => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            Ok((first < size).then_some(ByteRange { start: first, end }))
        }
        (None, Some(suffix)) => {
            let start = size.saturating_sub(suffix);
            Ok((suffix > 0).then_some(ByteRange { start, end: size }))
        }
    }
}

/// A number too large for 64 bits is as good as the largest: no file is that long.
fn number(text: &str) -> Result<Option<u64>, Malformed> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    Ok((!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX)))
}

/// Joins what overlaps or has a gap smaller than [`SMALL_GAP_BYTES`].
fn coalesced(parts: Vec<ByteRange>) -> Vec<ByteRange> {
    let mut placed: Vec<(usize, ByteRange)> = parts.into_iter().enumerate().collect();
    placed.sort_by_key(|(_, part)| part.start);
    let mut joined: Vec<(usize, ByteRange)> = Vec::with_capacity(placed.len());
    for (place, part) in placed {
        match joined.last_mut() {
            Some((first_place, last)) if part.start < last.end.saturating_add(SMALL_GAP_BYTES) => {
                last.end = last.end.max(part.end);
                *first_place = place.min(*first_place);
            }
            _ => joined.push((place, part)),
        }
    }
    joined.sort_by_key(|(place, _)| *place);
    joined.into_iter().map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests;
