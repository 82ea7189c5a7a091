#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

/// Sizes around the gaps that are closed.
const SIZES: std::ops::Range<u64> = 0..600;

type Spec = (Option<u64>, Option<u64>);

/// A range as it may stand in a header, often one without sense.
fn spec() -> impl Strategy<Value = Spec> {
    let number = || prop::option::weighted(0.9, 0_u64..700);
    prop_oneof![
        1 => (number(), number()),
        3 => (0_u64..700, 0_u64..40).prop_map(|(first, more)| (Some(first), Some(first + more))),
    ]
}

fn header(specs: &[Spec]) -> String {
    let text = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let specs: Vec<_> = specs
        .iter()
        .map(|(first, last)| format!("{}-{}", text(*first), text(*last)))
        .collect();
    format!("bytes={}", specs.join(","))
}

/// Whether a range asks for a byte; decided byte by byte, `None` where it is no range.
fn asks_for(spec: Spec, byte: u64, size: u64) -> Option<bool> {
    match spec {
        (Some(first), Some(last)) => (first <= last).then_some(first <= byte && byte <= last),
        (Some(first), None) => Some(first <= byte),
        (None, Some(suffix)) => Some(byte + suffix >= size),
        (None, None) => None,
    }
}

/// The bytes each range asks for; `None` when one of them is no range.
fn oracle(specs: &[Spec], size: u64) -> Option<Vec<Vec<u64>>> {
    let bytes = |spec: &Spec| {
        let mut bytes = Vec::new();
        for byte in 0..size.max(1) {
            if asks_for(*spec, byte, size)? && byte < size {
                bytes.push(byte);
            }
        }
        Some(bytes)
    };
    specs.iter().map(bytes).collect()
}

/// These bytes and those between them where few are missing, sorted.
fn with_small_gaps(mut bytes: Vec<u64>) -> Vec<u64> {
    bytes.sort_unstable();
    bytes.dedup();
    let between =
        |pair: &[u64]| (pair[1] - pair[0] - 1 < SMALL_GAP_BYTES).then_some(pair[0] + 1..pair[1]);
    let gaps: Vec<u64> = bytes.windows(2).filter_map(between).flatten().collect();
    bytes.extend(gaps);
    bytes.sort_unstable();
    bytes
}

fn parts_of(asked: Asked) -> Vec<ByteRange> {
    match asked {
        Asked::Parts(parts) => parts,
        Asked::Whole | Asked::Outside => Vec::new(),
    }
}

proptest! {
    #[test]
    fn one_range_is_what_the_oracle_says(spec in spec(), size in SIZES) {
        let expected = match oracle(&[spec], size).as_deref() {
            None => Asked::Whole,
            Some([bytes]) if !bytes.is_empty() => {
                let (start, end) = (bytes[0], bytes[bytes.len() - 1] + 1);
                Asked::Parts(vec![ByteRange { start, end }])
            }
            Some(_) if size == 0 && spec.0.is_none() && spec.1 != Some(0) => Asked::Whole,
            Some(_) => Asked::Outside,
        };
        prop_assert_eq!(parse(&header(&[spec]), size), expected);
    }

    #[test]
    fn several_ranges_are_what_the_oracle_says(
        specs in prop::collection::vec(spec(), 1..=MAX_RANGES), size in 1..SIZES.end,
    ) {
        let asked = parse(&header(&specs), size);
        let Some(expected) = oracle(&specs, size) else {
            prop_assert_eq!(asked, Asked::Whole);
            return Ok(());
        };
        prop_assert_eq!(asked == Asked::Outside, expected.concat().is_empty());
        let parts = parts_of(asked);
        let mut sent: Vec<u64> = parts.iter().flat_map(|part| part.start..part.end).collect();
        sent.sort_unstable();
        prop_assert_eq!(sent, with_small_gaps(expected.concat()), "each byte once");
        let place = |part: &ByteRange| {
            let is_inside = |bytes: &Vec<u64>| bytes.first().is_some_and(|byte| (part.start..part.end).contains(byte));
            expected.iter().position(is_inside)
        };
        prop_assert!(parts.iter().map(place).is_sorted(), "in the order asked for");
        for (n, part) in parts.iter().enumerate() {
            let apart = |other: &ByteRange| other.start.max(part.start) > other.end.min(part.end);
            prop_assert!(parts.iter().skip(n + 1).all(apart), "none touches another");
        }
    }

    #[test]
    fn arbitrary_headers_never_leave_the_file(header in "(bytes=)?[0-9a-z,= -]{0,30}", size in any::<u64>()) {
        let mut total = 0_u64;
        for part in parts_of(parse(&header, size)) {
            prop_assert!(part.start < part.end && part.end <= size);
            total += part.len();
        }
        prop_assert!(total <= size);
    }

    #[test]
    fn arbitrary_text_never_panics(header in any::<String>(), size in any::<u64>()) {
        let _ = parse(&header, size);
    }
}

fn parts(bounds: &[(u64, u64)]) -> Asked {
    let parts = bounds
        .iter()
        .map(|&(start, end)| ByteRange { start, end })
        .collect();
    Asked::Parts(parts)
}

#[test]
fn forms_that_are_no_ranges_are_ignored() {
    for header in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=3-2",
        "bytes=0-0,3-2",
        "bytes=0-0,x",
        "bytes=0-0 2-3",
        "bytes=0-0;2-3",
        "lines=0-1",
        "bytes =0-1",
        "bytes=0x1-2",
        "bytes=1 -2",
        "bytes=0-1,bytes=2-3",
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
        "bytes=\t,2-3\t, ,",
        "bytes=0002-3",
        "bytes=2-3,2-3",
        "bytes=2-2,3-3",
        "bytes=2-3,99-",
        "bytes=-0,2-3",
    ] {
        assert_eq!(parse(header, 10), parts(&[(2, 4)]), "{header}");
    }
}

#[test]
fn numbers_beyond_64_bits_are_very_large() {
    let huge = "99999999999999999999999";
    assert_eq!(parse(&format!("bytes={huge}-"), 10), Asked::Outside);
    assert_eq!(parse(&format!("bytes=1-{huge}"), 10), parts(&[(1, 10)]));
    assert_eq!(parse(&format!("bytes=-{huge}"), 10), parts(&[(0, 10)]));
}

#[test]
fn a_gap_is_closed_when_a_part_of_its_own_would_cost_more() {
    assert_eq!(parse("bytes=0-9,89-99", 1_000), parts(&[(0, 100)]));
    assert_eq!(
        parse("bytes=0-9,90-99", 1_000),
        parts(&[(0, 10), (90, 100)])
    );
}

#[test]
fn parts_keep_the_order_in_which_they_were_asked_for() {
    assert_eq!(
        parse("bytes=-10,0-9,500-509", 1_000),
        parts(&[(990, 1_000), (0, 10), (500, 510)])
    );
    assert_eq!(
        parse("bytes=500-509,0-9,510-519,5-19", 1_000),
        parts(&[(500, 520), (0, 20)])
    );
}

#[test]
fn what_lies_outside_counts_only_when_all_of_it_does() {
    for header in ["bytes=10-", "bytes=-0", "bytes=10-,99-100,-0"] {
        assert_eq!(parse(header, 10), Asked::Outside, "{header}");
    }
    assert_eq!(parse("bytes=0-", 0), Asked::Outside);
    assert_eq!(parse("bytes=0-,-5", 0), Asked::Whole);
}

#[test]
fn too_many_ranges_are_ignored() {
    let header = |n_ranges: usize| header(&vec![(Some(1), Some(1)); n_ranges]);
    assert_eq!(parse(&header(MAX_RANGES), 10), parts(&[(1, 2)]));
    assert_eq!(parse(&header(MAX_RANGES + 1), 10), Asked::Whole);
}
