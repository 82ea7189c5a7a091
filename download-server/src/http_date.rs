//! Dates of requests, in the three forms of HTTP.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const FIFTY_YEARS_SECS: i64 = 50 * 31_556_952;

/// Whole seconds since 1970, negative before; `None` for what is no date.
///
/// `now`, in the same unit, decides the century of a year of two digits. A date under the name of
/// another day of the week is still a date.
///
/// # Source
/// RFC 9110 §5.6.7: all three forms must be understood, and case matters.
pub(crate) fn parse(text: &str, now: i64) -> Option<i64> {
    imf_fixdate(text)
        .or_else(|| rfc850_date(text, now))
        .or_else(|| asctime_date(text))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<i64> {
    let (day_name, rest) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let [day, month, year, time] = fields(rest, ' ')?;
    names_a_day_briefly(day_name)?;
    instant(digits(year, 4)?, month, digits(day, 2)?, time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`: "more than 50 years in the future" is the last such year.
fn rfc850_date(text: &str, now: i64) -> Option<i64> {
    let (day_name, rest) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let [date, time] = fields(rest, ' ')?;
    let [day, month, year] = fields(date, '-')?;
    DAYS.iter().find(|name| **name == day_name)?;
    let century = DateTime::from_timestamp(now, 0)?.year() / 100 * 100;
    let year = century + digits(year, 2)?;
    let at = |year| instant(year, month, digits(day, 2)?, time);
    at(year)
        .filter(|at| *at <= now.saturating_add(FIFTY_YEARS_SECS))
        .or_else(|| at(year - 100))
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime_date(text: &str) -> Option<i64> {
    let (day_name, rest) = text.split_once(' ')?;
    names_a_day_briefly(day_name)?;
    let (month, rest) = rest.split_once(' ')?;
    let (day, rest) = rest.split_at_checked(2)?;
    let [time, year] = fields(rest.strip_prefix(' ')?, ' ')?;
    let day = match day.strip_prefix(' ') {
        Some(day) => digits(day, 1)?,
        None => digits(day, 2)?,
    };
    instant(digits(year, 4)?, month, day, time)
}

/// Exactly `N` pieces.
fn fields<const N: usize>(text: &str, between: char) -> Option<[&str; N]> {
    let pieces: Vec<_> = text.splitn(N + 1, between).collect();
    pieces.try_into().ok()
}

fn names_a_day_briefly(name: &str) -> Option<()> {
    let mut names = DAYS.iter().filter_map(|day| day.get(..3));
    names.any(|day| day == name).then_some(())
}

fn digits(text: &str, n_digits: usize) -> Option<i32> {
    let fits = text.len() == n_digits && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

fn instant(year: i32, month: &str, day: i32, time: &str) -> Option<i64> {
    let month = MONTHS.iter().zip(1..).find(|(name, _)| **name == month)?.1;
    let [hour, minute, second] = fields(time, ':')?;
    let [hour, minute, second] = [digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?];
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let midnight =
        NaiveDate::from_ymd_opt(year, month, u32::try_from(day).ok()?)?.and_time(NaiveTime::MIN);
    // A leap second is the first of the next minute.
    Some(midnight.and_utc().timestamp() + i64::from(hour * 3_600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-01-01T00:00:00Z
    const NOW: i64 = 1_767_225_600;

    #[test]
    fn the_three_forms_are_one_date() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text, NOW), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_50_years_ahead() {
        let year = |text: &str| {
            parse(text, NOW)
                .and_then(|at| DateTime::from_timestamp(at, 0))
                .map(|at| at.year())
        };
        assert_eq!(year("Sunday, 31-Dec-75 00:00:00 GMT"), Some(2075));
        assert_eq!(year("Sunday, 31-Dec-76 00:00:00 GMT"), Some(1976));
        assert_eq!(year("Sunday, 29-Feb-00 00:00:00 GMT"), Some(2000));
    }

    #[test]
    fn dates_before_1970_and_leap_seconds_are_dates() {
        assert_eq!(parse("Wed, 31 Dec 1969 23:59:59 GMT", NOW), Some(-1));
        assert_eq!(
            parse("Sat, 31 Dec 2016 23:59:60 GMT", NOW),
            Some(1_483_228_800)
        );
        assert_eq!(parse("Wed, 31 Dec 1969 23:59:60 GMT", NOW), Some(0));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "784111777",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Someday, 06-Nov-94 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text, NOW), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_date_is_read_back(at in -62_000_000_000_i64..253_402_300_800) {
            let date = DateTime::from_timestamp(at, 0).unwrap_or_default();
            for form in ["%a, %d %b %Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"] {
                prop_assert_eq!(parse(&date.format(form).to_string(), NOW), Some(at));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*|[A-Z][a-z]{2},? [0-9A-Za-z: -]{0,30}", now in any::<i64>()) {
            let _ = parse(&text, now);
        }
    }
}
