//! A public key with a table of its multiples, which makes verifying with it twice as quick.
//!
//! A library verifies for a key it has never seen; here a few keys verify every token there is. So
//! the multiples that a signature may need are added up once, when a key is read, and verifying is
//! 46 additions instead of 250 doublings and more. That is all that is done here: the library provides
//! every operation on points and scalars, aws-lc the hash. What is computed is public, so nothing
//! needs to take the same time for all of it.

use std::sync::LazyLock;

use aws_lc_rs::digest::{Context, SHA512};
use curve25519_dalek::{
    EdwardsPoint, Scalar, constants::ED25519_BASEPOINT_POINT, edwards::CompressedEdwardsY,
    traits::Identity,
};

use super::{SIGNATURE_BYTES, batch::encode};

/// The multiples of B, the curve's base point (RFC 8032 §5.1).
static MULTIPLES_OF_B: LazyLock<Multiples> =
    LazyLock::new(|| Multiples::of(ED25519_BASEPOINT_POINT));

/// An Ed25519 public key that many signatures are checked with.
///
/// # Units
/// 4 MiB, and four milliseconds to prepare.
///
/// # Source
/// RFC 8032 §5.1.7, in the form that aws-lc has: S below the group's order, A and R in their one
/// encoding, and R = S·B − k·A itself, not eight times it. The tests hold the two together.
pub(crate) struct PreparedKey {
    encoded: [u8; 32],
    multiples_of_minus_a: Multiples,
}

impl PreparedKey {
    /// The key whose encoding is `encoded`; none when that is no point's, or not in its one form.
    pub(crate) fn new(encoded: &[u8; 32]) -> Option<Self> {
        // Here, so that no request has to wait for it.
        LazyLock::force(&MULTIPLES_OF_B);
        let a = CompressedEdwardsY(*encoded).decompress()?;
        // The library also takes a y above the field's prime, and a sign where x is 0.
        (a.compress().as_bytes() == encoded).then(|| Self {
            encoded: *encoded,
            multiples_of_minus_a: Multiples::of(-a),
        })
    }

    /// Whether `signature` is this key's of `message`.
    pub(crate) async fn has_signed(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_BYTES],
    ) -> bool {
        let Some((r, s)) = signature.split_first_chunk::<32>() else {
            return false;
        };
        let Some(point) = self.expected_r(r, s, message) else {
            return false;
        };
        // Encodings are compared, so a second encoding of the same R is none.
        encode(point).await.as_bytes() == r
    }

    /// S·B − k·A; none where S is not below the group's order.
    fn expected_r(&self, r: &[u8; 32], s: &[u8], message: &[u8]) -> Option<EdwardsPoint> {
        let s = s.try_into().ok().map(Scalar::from_canonical_bytes);
        let s = s.and_then(Option::<Scalar>::from)?;
        let k = self.challenge(r, message)?;
        let (s, k) = (Digits::of(&s), Digits::of(&k));
        // All that is looked up, before anything is computed: the processor fetches these from
        // slower memory side by side, and in a sum it would wait for each.
        let (terms_of_b, terms_of_a) = (
            MULTIPLES_OF_B.look_up(&s),
            self.multiples_of_minus_a.look_up(&k),
        );
        Some(s.sum(&terms_of_b) + k.sum(&terms_of_a))
    }

    /// k: what R, A and the message hash to.
    fn challenge(&self, r: &[u8; 32], message: &[u8]) -> Option<Scalar> {
        let mut hash = Context::new(&SHA512);
        for part in [r, &self.encoded, message] {
            hash.update(part);
        }
        let hash = hash.finish().as_ref().try_into().ok()?;
        Some(Scalar::from_bytes_mod_order_wide(&hash))
    }
}

/// A digit's bits: with 8 of them verifying takes two microseconds more, a table 640 KiB; with 12,
/// which saves two additions, a table has 7 MiB.
const DIGIT_BITS: u32 = 11;

/// Digits of a scalar, each from -1023 to 1024. The group's order is 2^252 and less than 2^125, so
/// the last is 1024 at most, and carries nothing.
const N_DIGITS: usize = 23;

/// The largest digit.
const MOST: usize = 1 << (DIGIT_BITS - 1);

/// d · 2048^i · P for every place i of a digit and every d from 0 to 1024, in this order.
struct Multiples(Vec<EdwardsPoint>);

impl Multiples {
    fn of(point: EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(N_DIGITS * (MOST + 1));
        let mut unit = point;
        for _ in 0..N_DIGITS {
            let mut multiple = EdwardsPoint::identity();
            multiples.push(multiple);
            for _ in 0..MOST {
                multiple += unit;
                multiples.push(multiple);
            }
            unit = multiple + multiple;
        }
        Self(multiples)
    }

    /// Copies of the points that these digits stand for, without their signs.
    fn look_up(&self, digits: &Digits) -> [EdwardsPoint; N_DIGITS] {
        let mut rows = self.0.chunks_exact(MOST + 1);
        digits.sizes.map(|size| {
            let point = rows.next().and_then(|row| row.get(size));
            point.copied().unwrap_or_else(EdwardsPoint::identity)
        })
    }
}

/// The digits of a scalar, the lowest first.
struct Digits {
    sizes: [usize; N_DIGITS],
    are_negative: [bool; N_DIGITS],
}

impl Digits {
    fn of(scalar: &Scalar) -> Self {
        let mut digits = Self {
            sizes: [0; N_DIGITS],
            are_negative: [false; N_DIGITS],
        };
        let mut bytes = scalar.as_bytes().iter();
        let (mut bits, mut n_bits, mut carry) = (0, 0, 0);
        for (size, is_negative) in digits.sizes.iter_mut().zip(&mut digits.are_negative) {
            while n_bits < DIGIT_BITS {
                bits |= usize::from(*bytes.next().unwrap_or(&0)) << n_bits;
                n_bits += 8;
            }
            let digit = bits % (2 * MOST) + carry;
            bits >>= DIGIT_BITS;
            n_bits -= DIGIT_BITS;
            *is_negative = digit > MOST;
            carry = usize::from(*is_negative);
            *size = if *is_negative {
                2 * MOST - digit
            } else {
                digit
            };
        }
        digits
    }

    /// The sum of `terms`, each with the sign of its digit.
    fn sum(&self, terms: &[EdwardsPoint; N_DIGITS]) -> EdwardsPoint {
        let signed = terms.iter().zip(self.are_negative);
        signed.fold(EdwardsPoint::identity(), |sum, (term, is_negative)| {
            if is_negative { sum - term } else { sum + term }
        })
    }
}
