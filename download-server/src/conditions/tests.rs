use actix_web::http::header::HeaderValue;
use proptest::prelude::*;

use super::*;

const ETAG: &str = "\"abc\"";
/// 1994-11-06T08:49:37Z, the date of RFC 9110's examples.
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const LATER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";
const ASCTIME: &str = "Sun Nov  6 08:49:37 1994";
/// 2026-01-01T00:00:00Z
const NOW: i64 = 1_767_225_600;
const FILE: Validators<'_> = Validators {
    etag: ETAG,
    last_modified: Some(784_111_777),
    size: 10,
};

/// The answer to `Range: bytes=2-3`.
fn part() -> Due {
    Due::Parts(vec![ByteRange { start: 2, end: 4 }])
}

fn due(headers: &[(HeaderName, &str)]) -> Due {
    of(&Method::GET, headers)
}

fn of(method: &Method, headers: &[(HeaderName, &str)]) -> Due {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            map.append(name.clone(), value);
        }
    }
    evaluate(method, &map, FILE, NOW)
}

#[test]
fn without_conditions_the_range_decides() {
    assert_eq!(due(&[]), Due::Whole);
    assert_eq!(due(&[(RANGE, "bytes=2-3")]), part());
    assert_eq!(due(&[(RANGE, "bytes=10-")]), Due::RangeNotSatisfiable);
    assert_eq!(
        due(&[(RANGE, "bytes=2-3"), (RANGE, "bytes=5-6")]),
        Due::Whole
    );
    assert_eq!(of(&Method::HEAD, &[(RANGE, "bytes=2-3")]), Due::Whole);
}

#[test]
fn if_match_compares_strongly() {
    for good in [
        ETAG,
        "*",
        "\"x\", \"abc\"",
        "W/\"y\" ,\"abc\"",
        ",\t,\"abc\",",
        "\"é\", \"abc\"",
        "\"a,b\",\"abc\"",
    ] {
        assert_eq!(
            due(&[(IF_MATCH, good), (RANGE, "bytes=2-3")]),
            part(),
            "{good}"
        );
    }
    for bad in [
        "W/\"abc\"",
        "\"x\"",
        "abc",
        "",
        ",",
        "\"abc",
        "\"a\"bc\"",
        "\"x\" \"abc\"",
        "\"x\"\"abc\"",
        "\"abc\" x",
        "\"x\", *",
        "\"ABC\"",
    ] {
        assert_eq!(due(&[(IF_MATCH, bad)]), Due::PreconditionFailed, "{bad}");
    }
    assert_eq!(due(&[(IF_MATCH, "\"x\""), (IF_MATCH, ETAG)]), Due::Whole);
    assert_eq!(
        due(&[(IF_MATCH, "*"), (IF_MATCH, "\"x\"")]),
        Due::PreconditionFailed,
        "a star is no element of a list"
    );
}

#[test]
fn if_unmodified_since_counts_where_if_match_is_absent() {
    assert_eq!(
        due(&[(IF_UNMODIFIED_SINCE, EARLIER)]),
        Due::PreconditionFailed
    );
    assert_eq!(
        due(&[(IF_UNMODIFIED_SINCE, "Wed, 31 Dec 1969 23:59:59 GMT")]),
        Due::PreconditionFailed
    );
    for fine in [MODIFIED, LATER, ASCTIME, "nonsense", "", "0", "-1"] {
        assert_eq!(due(&[(IF_UNMODIFIED_SINCE, fine)]), Due::Whole, "{fine}");
    }
    assert_eq!(
        due(&[
            (IF_UNMODIFIED_SINCE, EARLIER),
            (IF_UNMODIFIED_SINCE, EARLIER)
        ]),
        Due::Whole,
        "two dates are none"
    );
    assert_eq!(
        due(&[(IF_MATCH, ETAG), (IF_UNMODIFIED_SINCE, EARLIER)]),
        Due::Whole
    );
}

#[test]
fn if_none_match_compares_weakly() {
    for known in [ETAG, "W/\"abc\"", "*", "\"x\",\"abc\"", "\"é\", W/\"abc\""] {
        assert_eq!(due(&[(IF_NONE_MATCH, known)]), Due::NotModified, "{known}");
        assert_eq!(
            of(&Method::HEAD, &[(IF_NONE_MATCH, known)]),
            Due::NotModified
        );
    }
    for other in ["\"x\"", "", "w/\"abc\"", "abc", "\"x\", *"] {
        assert_eq!(
            due(&[(IF_NONE_MATCH, other), (IF_MODIFIED_SINCE, LATER)]),
            Due::Whole,
            "{other}"
        );
    }
}

#[test]
fn if_modified_since_counts_where_if_none_match_is_absent() {
    for since in [MODIFIED, LATER, ASCTIME] {
        assert_eq!(due(&[(IF_MODIFIED_SINCE, since)]), Due::NotModified);
    }
    assert_eq!(due(&[(IF_MODIFIED_SINCE, EARLIER)]), Due::Whole);
    assert_eq!(
        due(&[(IF_MODIFIED_SINCE, LATER), (IF_MODIFIED_SINCE, LATER)]),
        Due::Whole,
        "two dates are none"
    );
}

#[test]
fn if_range_gives_a_part_of_this_version_only() {
    for same in [ETAG, MODIFIED, ASCTIME] {
        assert_eq!(
            due(&[(IF_RANGE, same), (RANGE, "bytes=2-3")]),
            part(),
            "{same}"
        );
    }
    for other in [
        "\"x\"",
        "W/\"abc\"",
        "\"abc\", \"x\"",
        "*",
        EARLIER,
        LATER,
        "abc",
        "",
    ] {
        assert_eq!(
            due(&[(IF_RANGE, other), (RANGE, "bytes=2-3")]),
            Due::Whole,
            "{other}"
        );
    }
    assert_eq!(
        due(&[(IF_RANGE, ETAG), (IF_RANGE, ETAG), (RANGE, "bytes=2-3")]),
        Due::Whole,
        "two conditions are none that holds"
    );
    assert_eq!(
        due(&[(IF_RANGE, "\"x\""), (RANGE, "bytes=99-")]),
        Due::Whole
    );
}

#[test]
fn conditions_come_before_the_range() {
    assert_eq!(
        due(&[(IF_MATCH, "\"x\""), (RANGE, "bytes=99-")]),
        Due::PreconditionFailed
    );
    assert_eq!(
        due(&[(IF_NONE_MATCH, ETAG), (RANGE, "bytes=99-")]),
        Due::NotModified
    );
    assert_eq!(
        due(&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, ETAG)]),
        Due::PreconditionFailed
    );
}

proptest! {
    #[test]
    fn arbitrary_conditions_never_panic(value in "\\PC*", which in 0_usize..6) {
        let names = [IF_MATCH, IF_NONE_MATCH, IF_RANGE, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, RANGE];
        if let Some(name) = names.into_iter().nth(which) {
            due(&[(name, &value), (RANGE, "bytes=2-3")]);
        }
    }
}
