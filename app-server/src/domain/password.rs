//! What a password must be.

/// Characters a password needs where nothing else proves who somebody is (NIST SP 800-63B-4 §3.1.1.2).
pub const MIN_CHARS: usize = 15;

/// Bytes a password may have: 256 characters of any script; more would only cost hashing time.
pub const MAX_BYTES: usize = 1_024;

/// Why a password is refused, as one sentence; nothing when it is good.
///
/// Every character counts as one, whatever its script; nothing is trimmed or folded.
pub fn weakness(password: &str) -> Option<String> {
    let chars = password.chars().count();
    if chars < MIN_CHARS {
        return Some(format!(
            "A password needs at least {MIN_CHARS} characters; this one has {chars}. A few words in a row do well."
        ));
    }
    if password.len() > MAX_BYTES {
        return Some(format!("A password may have at most {MAX_BYTES} bytes."));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_and_nothing_else_is_asked() {
        assert!(weakness(&"a".repeat(14)).is_some());
        assert!(weakness(&"a".repeat(15)).is_none());
        assert!(weakness(&"ä".repeat(15)).is_none());
        assert!(weakness("               ").is_none());
        assert!(weakness(&"🦀".repeat(256)).is_none());
        assert!(weakness(&"a".repeat(1_025)).is_some());
    }
}
