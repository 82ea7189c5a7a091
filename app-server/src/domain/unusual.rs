//! Which sign-ins are unusual for an account.

use std::{collections::BTreeSet, net::IpAddr};

use chrono::TimeDelta;

use super::throttle::HELD_FROM;

/// How far back an account's history is looked at.
pub const HISTORY: TimeDelta = TimeDelta::days(90);

/// So many countries, or networks, at the same time are unusual.
const MANY: usize = 3;

/// From where somebody signs in, or a session is used.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The address.
    pub ip: &'a str,
    /// Two letters, where it is known.
    pub country: Option<&'a str>,
}

/// What is known of an account when somebody signs in to it.
#[derive(Clone, Debug, Default)]
pub struct History<'a> {
    /// Countries it was used from within [`HISTORY`].
    pub countries: &'a [String],
    /// Where its sessions are used that go on.
    pub active: Vec<Place<'a>>,
    /// Failures in a row before this sign-in.
    pub n_failures: i32,
    /// The browser was signed in with before.
    pub known_device: bool,
}

/// Why a sign-in is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// From a country where the account was not used before.
    NewCountry,
    /// From the third country at the same time.
    ManyCountries,
    /// From the third network at the same time, and a browser that was not known.
    ManyNetworks,
    /// After failures enough to be held up for.
    AfterFailures,
}

/// Why signing in from `here` is unusual; nothing when it is not.
///
/// Where no country was known so far, none is new: a first sign-in is not unusual.
pub fn reasons(here: Place<'_>, history: &History<'_>) -> Vec<Reason> {
    let country_is_new = here.country.is_some_and(|country| {
        !history.countries.is_empty() && !history.countries.iter().any(|known| known == country)
    });
    let countries = history.active.iter().filter_map(|place| place.country);
    let networks = history.active.iter().map(|place| network(place.ip));
    let one_more_is_many = |elsewhere: usize, is_new: bool| is_new && elsewhere + 1 >= MANY;

    let countries: BTreeSet<&str> = countries.collect();
    let networks: BTreeSet<String> = networks.collect();
    let in_another_country = here
        .country
        .is_some_and(|country| !countries.contains(country));
    let in_another_network = !networks.contains(&network(here.ip));

    [
        (country_is_new, Reason::NewCountry),
        (
            one_more_is_many(countries.len(), in_another_country),
            Reason::ManyCountries,
        ),
        (
            one_more_is_many(networks.len(), in_another_network) && !history.known_device,
            Reason::ManyNetworks,
        ),
        (history.n_failures >= HELD_FROM, Reason::AfterFailures),
    ]
    .into_iter()
    .filter_map(|(applies, reason)| applies.then_some(reason))
    .collect()
}

/// The network of an address, as providers have them: /16 of IPv4, /32 of IPv6.
fn network(ip: &str) -> String {
    match ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, ..] = ip.octets();
            format!("{a}.{b}.0.0/16")
        }
        Ok(IpAddr::V6(ip)) => {
            let [a, b, ..] = ip.segments();
            format!("{a:x}:{b:x}::/32")
        }
        Err(_) => ip.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ip: &'static str, country: Option<&'static str>) -> Place<'static> {
        Place { ip, country }
    }

    #[test]
    fn a_country_is_new_where_others_are_known_and_only_there() {
        let here = at("192.0.2.1", Some("FR"));
        let with = |countries: &[&str]| {
            let countries: Vec<String> = countries.iter().map(|&known| known.to_owned()).collect();
            let history = History {
                countries: &countries,
                ..History::default()
            };
            reasons(here, &history)
        };

        assert_eq!(with(&[]), []);
        assert_eq!(with(&["DE"]), [Reason::NewCountry]);
        assert_eq!(with(&["DE", "FR"]), []);
        let nowhere = History {
            countries: &["DE".to_owned()],
            ..History::default()
        };
        assert_eq!(reasons(at("192.0.2.1", None), &nowhere), []);
    }

    #[test]
    fn the_third_country_and_the_third_network_at_once_are_many() {
        let known = ["DE", "FR", "NL"].map(str::to_owned);
        let history = |known_device| History {
            countries: &known,
            active: vec![at("192.0.2.1", Some("DE")), at("2001:db8::1", Some("FR"))],
            n_failures: 0,
            known_device,
        };

        for (here, known_device, expected) in [
            (at("192.0.99.9", Some("DE")), false, vec![]),
            (at("2001:db8:ffff::1", Some("FR")), false, vec![]),
            (
                at("198.51.100.1", Some("FR")),
                false,
                vec![Reason::ManyNetworks],
            ),
            (at("198.51.100.1", Some("FR")), true, vec![]),
            (
                at("198.51.100.1", Some("NL")),
                false,
                vec![Reason::ManyCountries, Reason::ManyNetworks],
            ),
            (
                at("198.51.100.1", Some("NL")),
                true,
                vec![Reason::ManyCountries],
            ),
        ] {
            assert_eq!(reasons(here, &history(known_device)), expected, "{here:?}");
        }
    }

    #[test]
    fn success_after_as_many_failures_as_are_held_up_for_is_unusual() {
        let after = |n_failures| {
            let history = History {
                n_failures,
                known_device: true,
                ..History::default()
            };
            reasons(at("192.0.2.1", None), &history)
        };
        assert_eq!(after(4), []);
        assert_eq!(after(5), [Reason::AfterFailures]);
    }
}
