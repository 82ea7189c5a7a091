//! The `Range` header: one range of bytes, or the whole.

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
}

/// What a `Range` header asks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing that is understood: the header is to be ignored.
    Whole,
    Part(ByteRange),
    /// A range that lies outside the file.
    Outside,
}

/// Reads a `Range` header about a file of `size` bytes.
///
/// Several ranges are answered with the whole file, as RFC 9110 §14.2 leaves open.
///
/// # Source
/// RFC 9110 §14.1.1 (syntax), §14.1.2 (bytes), §14.2: a unit or a form not understood is ignored.
pub(crate) fn parse(header: &str, size: u64) -> Asked {
    let Some((unit, set)) = header.split_once('=') else {
        return Asked::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    // A list may have empty elements (RFC 9110 §5.6.1.2).
    let mut specs = set
        .split(',')
        .map(str::trim)
        .filter(|spec| !spec.is_empty());
    let (Some(spec), None) = (specs.next(), specs.next()) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return Asked::Whole;
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(Some(last))) if last < first => Asked::Whole,
        (Some(Some(first)), Some(last)) => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            if first < size {
                Asked::Part(ByteRange { start: first, end })
            } else {
                Asked::Outside
            }
        }
        (Some(None), Some(Some(0))) => Asked::Outside,
        // The last bytes of an empty file are the whole of it, and no Content-Range can say so.
        (Some(None), Some(Some(_))) if size == 0 => Asked::Whole,
        (Some(None), Some(Some(suffix))) => Asked::Part(ByteRange {
            start: size.saturating_sub(suffix),
            end: size,
        }),
        _ => Asked::Whole,
    }
}

/// `None` when there are other characters than digits, `Some(None)` when there is nothing.
///
/// A number too large for 64 bits is as good as the largest: no file is that long.
#[expect(
    clippy::option_option,
    reason = "absent, empty and given are three things"
)]
fn number(text: &str) -> Option<Option<u64>> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the header means, decided byte by byte; `None` where it is to be ignored.
    fn oracle(first: Option<u64>, last: Option<u64>, size: u64) -> Option<Vec<u64>> {
        let asked = |byte: &u64| match (first, last) {
            (Some(first), Some(last)) => first <= *byte && *byte <= last,
            (Some(first), None) => first <= *byte,
            (None, Some(suffix)) => *byte + suffix >= size,
            (None, None) => true,
        };
        let backwards = matches!((first, last), (Some(first), Some(last)) if last < first);
        let ignored = backwards
            || (first, last) == (None, None)
            || (first.is_none() && size == 0 && last != Some(0));
        (!ignored).then(|| (0..size).filter(asked).collect())
    }

    proptest! {
        #[test]
        fn ranges_are_what_the_oracle_says(
            first in prop::option::of(0_u64..40), last in prop::option::of(0_u64..40), size in 0_u64..30,
        ) {
            let text = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
            let asked = parse(&format!("bytes={}-{}", text(first), text(last)), size);
            let expected = match oracle(first, last, size) {
                None => Asked::Whole,
                Some(bytes) => match (bytes.first(), bytes.last()) {
                    (Some(first), Some(last)) => Asked::Part(ByteRange { start: *first, end: last + 1 }),
                    _ => Asked::Outside,
                },
            };
            prop_assert_eq!(asked, expected);
        }

        #[test]
        fn arbitrary_headers_never_leave_the_file(header in "(bytes=)?[0-9a-z,= -]{0,30}", size in any::<u64>()) {
            if let Asked::Part(range) = parse(&header, size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }

        #[test]
        fn arbitrary_text_never_panics(header in any::<String>(), size in any::<u64>()) {
            let _ = parse(&header, size);
        }
    }

    #[test]
    fn forms_that_are_not_one_range_are_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-2-3",
            "lines=0-1",
            "bytes=0-0,2-3",
            "bytes=-1,-2",
            "bytes=0x1-2",
            "bytes=1 -2",
        ] {
            assert_eq!(parse(header, 10), Asked::Whole, "{header}");
        }
    }

    #[test]
    fn one_range_may_be_dressed_differently() {
        for header in [
            "bytes=2-3",
            "Bytes=2-3",
            "bytes= 2-3 ",
            "bytes=,2-3,",
            "bytes=0002-3",
        ] {
            assert_eq!(
                parse(header, 10),
                Asked::Part(ByteRange { start: 2, end: 4 }),
                "{header}"
            );
        }
    }

    #[test]
    fn numbers_beyond_64_bits_are_very_large() {
        let huge = "99999999999999999999999";
        let part = |start, end| Asked::Part(ByteRange { start, end });
        assert_eq!(parse(&format!("bytes={huge}-"), 10), Asked::Outside);
        assert_eq!(parse(&format!("bytes=1-{huge}"), 10), part(1, 10));
        assert_eq!(parse(&format!("bytes=-{huge}"), 10), part(0, 10));
    }
}
