//! A prepared key says of every signature what the library says.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use curve25519_dalek::{
    EdwardsPoint, Scalar, constants::EIGHT_TORSION, edwards::CompressedEdwardsY, traits::Identity,
};
use proptest::prelude::*;

use super::{SIGNATURE_BYTES, batch::finish, prepared_key::PreparedKey};

/// A key in both forms.
struct Key {
    x: [u8; 32],
    prepared: Option<PreparedKey>,
}

impl Key {
    fn new(x: &[u8; 32]) -> Self {
        let prepared = PreparedKey::new(x);
        Self { x: *x, prepared }
    }

    /// What both say.
    fn accepts(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let by_library = UnparsedPublicKey::new(&ED25519, &self.x)
            .verify(message, signature)
            .is_ok();
        let prepared = self.prepared.as_ref();
        let by_us = prepared.is_some_and(|key| finish(key.has_signed(message, signature)));
        assert_eq!(by_us, by_library, "{:?} {message:?} {signature:?}", self.x);
        by_us
    }
}

fn accepts(x: &[u8; 32], message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    Key::new(x).accepts(message, signature)
}

fn joined(r: &[u8; 32], s: &[u8; 32]) -> [u8; SIGNATURE_BYTES] {
    [*r, *s].concat().try_into().unwrap()
}

/// A signature as whoever knows `a` can make it, with points of small order added to A and R.
fn forge(a: Scalar, r: Scalar, of_a: usize, of_r: usize, message: &[u8]) -> Forged {
    let x = (EdwardsPoint::mul_base(&a) + EIGHT_TORSION[of_a]).compress();
    let big_r = (EdwardsPoint::mul_base(&r) + EIGHT_TORSION[of_r]).compress();
    let k = challenge(big_r.as_bytes(), x.as_bytes(), message);
    Forged {
        x: x.to_bytes(),
        signature: joined(big_r.as_bytes(), (r + k * a).as_bytes()),
    }
}

struct Forged {
    x: [u8; 32],
    signature: [u8; SIGNATURE_BYTES],
}

fn challenge(r: &[u8; 32], x: &[u8; 32], message: &[u8]) -> Scalar {
    let hashed = [r.as_slice(), x, message].concat();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, &hashed);
    Scalar::from_bytes_mod_order_wide(hash.as_ref().try_into().unwrap())
}

/// `s` plus the group's order, which is another way to write the same number.
fn not_reduced(s: &[u8]) -> [u8; 32] {
    let order_less_one = -Scalar::ONE;
    let mut sum = [0; 32];
    let mut carry = 1;
    for (at, byte) in order_less_one.as_bytes().iter().enumerate() {
        carry += u16::from(*byte) + u16::from(s[at]);
        sum[at] = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    sum
}

/// Encodings that are no point's, or not its only one: y near the field's prime and near 0, each
/// with both signs.
fn odd_encodings() -> Vec<[u8; 32]> {
    let mut all = Vec::new();
    for sign in [0, 0x80] {
        for lowest in 0..=255 {
            let mut near_p = [0xff; 32];
            (near_p[0], near_p[31]) = (lowest, 0x7f | sign);
            let mut small = [0; 32];
            (small[0], small[31]) = (lowest, sign);
            all.extend([near_p, small]);
        }
    }
    for point in EIGHT_TORSION {
        let mut encoded = point.compress().to_bytes();
        all.push(encoded);
        encoded[31] ^= 0x80;
        all.push(encoded);
    }
    all
}

#[test]
fn odd_encodings_of_keys_are_judged_alike() {
    let zero = Scalar::ZERO;
    let mut n_accepted = 0;
    for key in odd_encodings().iter().map(Key::new) {
        for point in EIGHT_TORSION {
            // S = 0: good where R = -k·A, which a key of small order makes likely.
            let r = point.compress().to_bytes();
            for message in [b"a", b"b", b"c"] {
                n_accepted += u32::from(key.accepts(message, &joined(&r, zero.as_bytes())));
            }
        }
    }
    assert!(n_accepted > 0, "nothing was ever good");
}

#[test]
fn odd_encodings_of_r_are_judged_alike() {
    // A key of small order again, so that one R in eight is the right one, however it is written.
    let mut n_accepted = 0;
    for point in EIGHT_TORSION {
        let key = Key::new(point.compress().as_bytes());
        for r in odd_encodings() {
            let signature = joined(&r, &[0; 32]);
            n_accepted += u32::from(key.accepts(b"message", &signature));
        }
    }
    assert!(n_accepted > 0, "nothing was ever good");
}

#[test]
fn the_neutral_element_in_its_second_forms_is_no_key() {
    let neutral = EdwardsPoint::identity().compress().to_bytes();
    assert!(accepts(&neutral, b"", &joined(&neutral, &[0; 32])));
    let mut signed = neutral;
    signed[31] |= 0x80;
    // p + 1 is 1.
    let mut above_p = [0xff; 32];
    (above_p[0], above_p[31]) = (0xee, 0x7f);
    for second in [signed, above_p] {
        assert!(CompressedEdwardsY(second).decompress().is_some());
        assert!(!accepts(&second, b"", &joined(&neutral, &[0; 32])));
        assert!(!accepts(&neutral, b"", &joined(&second, &[0; 32])));
    }
}

#[test]
fn numbers_at_the_ends_of_digits_are_multiplied_alike() {
    let neutral = Key::new(EdwardsPoint::identity().compress().as_bytes());
    let mut powers = vec![Scalar::ONE];
    for _ in 0..252 {
        powers.extend(powers.last().map(|last| last + last));
    }
    // 2^252 is below the group's order, by a number of 125 bits.
    let near = |power: Scalar| [power - Scalar::ONE, power, power + Scalar::ONE, -power];
    for s in powers.into_iter().flat_map(near) {
        let r = EdwardsPoint::mul_base(&s).compress().to_bytes();
        assert!(neutral.accepts(b"", &joined(&r, s.as_bytes())), "{s:?}");
    }
}

proptest! {
    // Keys are prepared for each, which takes milliseconds.
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_signed_is_good_and_what_is_changed_is_not(
        seed in any::<[u8; 32]>(),
        message in prop::collection::vec(any::<u8>(), 0..700),
        bit in 0..8 * SIGNATURE_BYTES,
        of_key in 0..256_usize,
    ) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let x: [u8; 32] = pair.public_key().as_ref().try_into().unwrap();
        let signature: [u8; SIGNATURE_BYTES] = pair.sign(&message).as_ref().try_into().unwrap();
        prop_assert!(accepts(&x, &message, &signature));

        let mut changed = signature;
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!accepts(&x, &message, &changed));

        let mut other = x;
        other[of_key / 8] ^= 1 << (of_key % 8);
        prop_assert!(!accepts(&other, &message, &signature));

        let longer = [message.as_slice(), b"x"].concat();
        prop_assert!(!accepts(&x, &longer, &signature));

        let (r, s) = signature.split_first_chunk().unwrap();
        prop_assert!(!accepts(&x, &message, &joined(r, &not_reduced(s))));
    }

    #[test]
    fn points_of_mixed_order_are_judged_alike(
        a in any::<[u8; 32]>(),
        r in any::<[u8; 32]>(),
        of_a in 0..8_usize,
        of_r in 0..8_usize,
        message in any::<u64>(),
    ) {
        let (a, r) = (Scalar::from_bytes_mod_order(a), Scalar::from_bytes_mod_order(r));
        let forged = forge(a, r, of_a, of_r, &message.to_le_bytes());
        let accepted = accepts(&forged.x, &message.to_le_bytes(), &forged.signature);
        // Points of small order in both may cancel out; in one alone they never do.
        if of_a == 0 {
            prop_assert_eq!(accepted, of_r == 0);
        }
    }

    #[test]
    fn arbitrary_keys_and_signatures_are_judged_alike(
        x in any::<[u8; 32]>(), signature in any::<[u8; SIGNATURE_BYTES]>(), message in any::<u64>(),
    ) {
        prop_assert!(!accepts(&x, &message.to_le_bytes(), &signature));
    }

    #[test]
    fn extreme_numbers_are_multiplied_alike(
        bytes in prop::array::uniform32(prop::sample::select(vec![0_u8, 1, 0x7f, 0x80, 0x81, 0xff])),
        r in any::<[u8; 32]>(),
    ) {
        // S = r + k·a with the r that makes S the number wanted.
        let (s, a) = (Scalar::from_bytes_mod_order(bytes), Scalar::from_bytes_mod_order(r));
        let x = EdwardsPoint::mul_base(&a).compress().to_bytes();
        let r = EdwardsPoint::mul_base(&s).compress().to_bytes();
        // R = S·B is right only for k = 0; both must see that it is not.
        prop_assert!(!accepts(&x, b"", &joined(&r, s.as_bytes())));
        // And for the neutral element as key, k plays no part.
        let neutral = EdwardsPoint::identity().compress().to_bytes();
        prop_assert!(accepts(&neutral, b"", &joined(&r, s.as_bytes())));
    }
}
