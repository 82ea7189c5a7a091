//! Codes that stand in for a lost authenticator app.

use aws_lc_rs::{digest, error::Unspecified, rand};
use secrecy::zeroize::Zeroizing;

/// Codes a user has at a time.
pub const N_CODES: usize = 10;

/// Characters of a code, five random bits each: 120 bits.
///
/// From 112 bits on a fast hash is enough to keep them (ASVS 5.0, 6.5.2).
const N_CHARS: usize = 24;

/// Digits and letters without those that look like one another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A code that signs its user in once, in place of the authenticator app's.
///
/// It has no `Debug` and no `Serialize`.
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// A new code from the operating system's generator.
    ///
    /// # Errors
    /// The generator failed.
    pub fn generate() -> Result<Self, Unspecified> {
        let mut bytes = Zeroizing::new([0_u8; N_CHARS]);
        rand::fill(bytes.as_mut_slice())?;
        let letters = bytes
            .iter()
            .map(|byte| ALPHABET.get(usize::from(byte % 32)));
        let code: String = letters.flatten().copied().map(char::from).collect();
        Ok(Self(Zeroizing::new(code)))
    }

    /// What was typed, if it has a code's form: case, spaces and hyphens do not matter, nor does
    /// whether an `o` was taken for a zero, or an `i` or `l` for a one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = Zeroizing::new(String::with_capacity(N_CHARS));
        for letter in text.chars().filter(|letter| !is_separator(*letter)) {
            let letter = match letter.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                letter => letter,
            };
            let known = u8::try_from(letter).is_ok_and(|letter| ALPHABET.contains(&letter));
            if !known || code.len() == N_CHARS {
                return None;
            }
            code.push(letter);
        }
        (code.len() == N_CHARS).then_some(Self(code))
    }

    /// As it is shown: six groups of four.
    pub fn shown(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for (index, letter) in self.0.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }

    /// SHA-256: what the database keeps.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        hash
    }
}

/// What people put between the groups of a code, whichever code it is.
pub fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '.' | '_')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_taken_however_it_is_typed() {
        let code = RecoveryCode::parse("0123-4567-89ab-cdef-ghjk-mnpq").unwrap();
        for typed in [
            "0123456789abcdefghjkmnpq",
            " 0123 4567 89AB CDEF GHJK MNPQ\n",
            "oI23–4567–89ab–cdef–ghjk–mnpq",
            "OL23-4567-89ab-cdef-ghjk-mnpq",
        ] {
            let typed = RecoveryCode::parse(typed).unwrap();
            assert_eq!(typed.hash(), code.hash());
        }
    }

    #[test]
    fn nothing_else_is_a_code() {
        for text in [
            "",
            "123456",
            "0123-4567-89ab-cdef-ghjk-mnp",
            "0123-4567-89ab-cdef-ghjk-mnpqr",
            "0123-4567-89ab-cdef-ghjk-mnpu",
            "0123-4567-89ab-cdef-ghjk-mnp=",
            "0123-4567-89ab-cdef-ghjk-mnpé",
        ] {
            assert!(RecoveryCode::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn codes_are_never_the_same_and_read_back_as_they_are_shown() {
        let codes: Vec<_> = (0..1_000)
            .map(|_| RecoveryCode::generate().unwrap())
            .collect();
        let hashes: std::collections::BTreeSet<_> = codes.iter().map(RecoveryCode::hash).collect();
        assert_eq!(hashes.len(), codes.len());
        for code in &codes {
            assert_eq!(code.shown().len(), 29);
            let back = RecoveryCode::parse(&code.shown()).unwrap();
            assert_eq!(back.hash(), code.hash());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_nothing_panics(text in ".{0,80}") {
            let _ = RecoveryCode::parse(&text);
        }
    }
}
