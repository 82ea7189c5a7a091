//! Time-based one-time codes, as every authenticator app makes them (RFC 6238).

use aws_lc_rs::{error::Unspecified, rand};
use chrono::{DateTime, Utc};
use secrecy::zeroize::Zeroizing;
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// Bytes of a secret: as many as HMAC-SHA-1 gives (RFC 4226 §4).
const SECRET_BYTES: usize = 20;

/// Digits of a code.
const DIGITS: u8 = 6;

/// Seconds for which a code is the present one.
const STEP_SECS: u64 = 30;

/// What apps show above the code.
const ISSUER: &str = "Claimcheck";

/// The secret that the shop shares with an authenticator app: 160 random bits.
///
/// It has no `Debug` and no `Serialize`.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// A new secret from the operating system's generator.
    ///
    /// # Errors
    /// The generator failed.
    pub fn generate() -> Result<Self, Unspecified> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        rand::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The secret of these bytes, if they are as many as a secret has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// The secret in base32, as [`TotpSecret::base32`] writes it.
    pub fn from_base32(text: &str) -> Option<Self> {
        Self::from_bytes(Secret::try_from_base32(text).ok()?.as_bytes())
    }

    /// Its bytes.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// What is typed into an app that cannot scan: 32 letters and digits.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(Secret::from(self.expose()).to_base32())
    }

    /// What apps scan: an `otpauth:` address with the secret and whose it is.
    ///
    /// Algorithm, digits and period are the defaults, which some apps assume whatever is said.
    pub fn link(&self, account: &str) -> Zeroizing<String> {
        // A colon would end the issuer's half of the label.
        let account = account.replace(':', "_");
        let totp = self.builder().with_account_name(account);
        let totp = totp.with_issuer(Some(ISSUER)).build_noncompliant();
        Zeroizing::new(totp.to_url().unwrap_or_default())
    }

    /// The step whose code `code` is: the present one or a neighbour, and later than `last_step`.
    ///
    /// One step either way lets clocks differ by half a minute and people type (RFC 6238 §5.2).
    pub fn matching_step(&self, code: &str, now: DateTime<Utc>, last_step: i64) -> Option<i64> {
        let present = step_at(now);
        let totp = self.totp();
        // Each is looked at on its own: of two steps with one code the later counts.
        let candidates = [present + 1, present, present - 1].into_iter();
        let mut candidates = candidates.filter(|step| *step > last_step);
        candidates.find(|step| {
            u64::try_from(*step).is_ok_and(|step| totp.check(code, step * STEP_SECS).is_some())
        })
    }

    /// The code an app shows at this moment.
    pub fn code_at(&self, now: DateTime<Utc>) -> String {
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        self.totp().generate(seconds).to_string()
    }

    fn builder(&self) -> Builder {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_step_duration(STEP_SECS)
            .with_skew(0)
            .with_secret(self.expose())
    }

    fn totp(&self) -> Totp {
        self.builder().build_noncompliant()
    }
}

/// Steps since 1970.
pub fn step_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(30)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use chrono::TimeDelta;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238 appendix B, SHA-1, the last six of its eight digits.
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(at(seconds)), code);
            assert_eq!(
                secret.matching_step(code, at(seconds), 0),
                Some(seconds / 30)
            );
        }
    }

    #[test]
    fn a_code_is_good_for_its_step_and_the_two_beside_it() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        let code = secret.code_at(at(3_000));
        for (seconds, good) in [
            (2_969, false),
            (2_970, true),
            (3_000, true),
            (3_059, true),
            (3_060, false),
        ] {
            let step = secret.matching_step(&code, at(seconds), 0);
            assert_eq!(step, good.then_some(100), "{seconds}");
        }
    }

    #[test]
    fn neither_the_last_code_taken_nor_an_older_one_is_good() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        let (older, last) = (secret.code_at(at(2_970)), secret.code_at(at(3_000)));
        assert_eq!(secret.matching_step(&last, at(3_000), 99), Some(100));
        assert_eq!(secret.matching_step(&last, at(3_000), 100), None);
        assert_eq!(secret.matching_step(&older, at(3_000), 100), None);
    }

    #[test]
    fn nothing_but_six_digits_is_a_code() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        for text in [
            "", "28708", "2870820", "+28708", "28708２", "287 82", "-87082",
        ] {
            assert_eq!(secret.matching_step(text, at(59), 0), None, "{text}");
        }
    }

    #[test]
    fn the_link_names_issuer_account_and_secret_and_base32_comes_back() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        let base32 = secret.base32();
        assert_eq!(base32.as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let back = TotpSecret::from_base32(&base32).unwrap();
        assert_eq!(back.expose(), secret.expose());
        assert_eq!(
            secret.link("ada@example.org").as_str(),
            "otpauth://totp/Claimcheck:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Claimcheck"
        );
        assert!(secret.link("a:b@example.org").contains("a_b%40example.org"));
        assert!(TotpSecret::from_base32("GEZDGNBV").is_none());
    }
}
