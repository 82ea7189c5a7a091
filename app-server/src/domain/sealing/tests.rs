#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const ADA: UserId = UserId(Uuid::from_u128(1));
const EVE: UserId = UserId(Uuid::from_u128(2));

fn key(byte: u8) -> String {
    STANDARD.encode([byte; KEY_BYTES])
}

fn ring(text: &str) -> Keyring {
    Keyring::parse(text).unwrap()
}

#[test]
fn what_was_sealed_opens_for_its_user_only() {
    let ring = ring(&key(7));
    let sealed = ring.seal(Purpose::Totp, ADA, b"secret").unwrap();

    assert_eq!(*ring.open(Purpose::Totp, ADA, &sealed).unwrap(), b"secret");
    assert_eq!(
        ring.open(Purpose::Totp, EVE, &sealed),
        Err(Unopened::Broken)
    );
    assert!(!sealed.bytes.windows(6).any(|window| window == b"secret"));
}

#[test]
fn no_nonce_is_used_twice() {
    let ring = ring(&key(7));
    let nonce = || ring.seal(Purpose::Totp, ADA, b"secret").unwrap().bytes[..NONCE_LEN].to_vec();
    let all: std::collections::BTreeSet<_> = (0..1_000).map(|_| nonce()).collect();
    assert_eq!(all.len(), 1_000);
}

#[test]
fn the_first_key_seals_and_every_key_opens() {
    let old = ring(&key(1));
    let sealed = old.seal(Purpose::Totp, ADA, b"secret").unwrap();
    assert_eq!(sealed.key_id, "1");

    // The bare key goes on under the name it always had.
    let both = ring(&format!("2026:{}, {}", key(2), key(1)));
    assert_eq!(*both.open(Purpose::Totp, ADA, &sealed).unwrap(), b"secret");
    assert!(both.is_outdated(&sealed));
    let again = both.seal(Purpose::Totp, ADA, b"secret").unwrap();
    assert_eq!(again.key_id, "2026");
    assert!(!both.is_outdated(&again));

    assert_eq!(
        old.open(Purpose::Totp, ADA, &again),
        Err(Unopened::UnknownKey("2026".to_owned()))
    );
    let impostor = ring(&format!("2026:{}", key(3)));
    assert_eq!(
        impostor.open(Purpose::Totp, ADA, &again),
        Err(Unopened::Broken)
    );
}

#[test]
fn every_mistake_is_named_and_no_key_is_repeated() {
    let short = STANDARD.encode([9; 31]);
    let text = format!("a:{},a:{},b c:{short},d:nonsense", key(1), key(2));
    let mistakes = Keyring::parse(&text).unwrap_err();
    assert_eq!(mistakes.len(), 4, "{mistakes:?}");
    for key in [&key(1), &key(2), &short] {
        assert!(
            !mistakes
                .iter()
                .any(|mistake| mistake.contains(key.as_str()))
        );
    }
    for nothing in ["", ",", " , "] {
        assert!(Keyring::parse(nothing).is_err(), "{nothing:?}");
    }
    for text in [
        key(1).trim_end_matches('='),
        &format!("{}:", key(1)),
        ":",
        "x:",
    ] {
        assert!(Keyring::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(format!("{:?}", ring(&format!("k:{}", key(1)))), "{\"k\"}");
}

proptest! {
    #[test]
    fn whatever_is_changed_about_it_it_no_longer_opens(
        secret in proptest::collection::vec(any::<u8>(), 1..40),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let ring = ring(&key(7));
        let mut sealed = ring.seal(Purpose::Totp, ADA, &secret).unwrap();
        let at = at.index(sealed.bytes.len());
        sealed.bytes[at] ^= 1 << bit;
        prop_assert_eq!(ring.open(Purpose::Totp, ADA, &sealed), Err(Unopened::Broken));
    }

    #[test]
    fn rubbish_neither_opens_nor_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
        text in ".{0,60}",
    ) {
        let sealed = Sealed { key_id: "1".to_owned(), bytes };
        prop_assert!(ring(&key(7)).open(Purpose::Totp, ADA, &sealed).is_err());
        let _ = Keyring::parse(&text);
    }
}
