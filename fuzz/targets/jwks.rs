//! Key sets: whatever an issuer may publish.

#![no_main]

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared::key_set::{KeySet, MAX_KEY_SET_BYTES, PublicKey};

fuzz_target!(|json: &[u8]| {
    let Ok(set) = KeySet::from_json(json) else {
        return;
    };
    assert!(json.len() <= MAX_KEY_SET_BYTES);

    let published = set.to_json();
    let again = KeySet::from_json(published.as_bytes()).expect("its own form");
    assert_eq!(again, set);
    assert!(!published.contains("\"d\":"));

    let held: BTreeSet<_> = set.iter().map(|key| *key.bytes()).collect();
    assert_eq!(held.len(), set.iter().count(), "a key is held twice");
    assert_eq!(held, written(json), "other keys than are written");
    for key in set.iter() {
        assert_eq!(key, &PublicKey::from_bytes(*key.bytes()));
        assert_eq!(set.find(key.kid()), Some(key));
    }
    assert_eq!(set.find(""), None);
});

/// The Ed25519 keys in a key set, as any other parser reads it.
fn written(json: &[u8]) -> BTreeSet<[u8; 32]> {
    let document: Value = serde_json::from_slice(json).expect("JSON");
    let entries = document["keys"].as_array().expect("a list");
    entries
        .iter()
        .filter(|entry| entry["kty"] == "OKP" && entry["crv"] == "Ed25519")
        .map(|entry| {
            assert!(entry.get("d").is_none(), "a private half");
            let x = entry["x"].as_str().expect("text");
            let bytes = URL_SAFE_NO_PAD.decode(x).expect("base64url");
            bytes.try_into().expect("32 bytes")
        })
        .collect()
}
