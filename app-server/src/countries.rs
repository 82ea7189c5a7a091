//! Which country an address is in, as far as the operator's database knows.

use std::{net::IpAddr, path::Path};

use anyhow::Context;
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader};

/// Where databases keep a country's two letters: flat ones, and GeoLite's.
const PLACES: &[&[PathElement<'_>]] = &[
    &[PathElement::Key("country_code")],
    &[PathElement::Key("country"), PathElement::Key("iso_code")],
];

/// A database of countries, in memory; or none, which knows nothing.
pub struct Countries(Option<Reader<Vec<u8>>>);

impl Countries {
    /// Reads GEOIP_DB.
    ///
    /// # Errors
    /// The file cannot be read or is no such database; the message names it.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            let reader = Reader::open_readfile(path);
            reader.with_context(|| format!("GEOIP_DB: {}: not readable as .mmdb", path.display()))
        };
        path.map(read).transpose().map(Self)
    }

    /// The two letters (ISO 3166-1) of the country `ip` is in.
    ///
    /// A damaged database knows less, and does no harm.
    pub fn of(&self, ip: &str) -> Option<String> {
        let address: IpAddr = ip.parse().ok()?;
        let found = self.0.as_ref()?.lookup(address).ok()?;
        let code = PLACES.iter().find_map(|place| text(&found, place).ok()?)?;
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code.then(|| code.to_owned())
    }
}

fn text<'a>(
    found: &LookupResult<'a, Vec<u8>>,
    place: &[PathElement<'_>],
) -> Result<Option<&'a str>, MaxMindDbError> {
    found.decode_path(place)
}
