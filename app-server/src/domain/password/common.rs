//! Passwords that guessers try first (ASVS 5.0, 6.2.4); `SOURCES.md` says where they come from.

use std::sync::LazyLock;

static COMMON: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("common.txt").lines().collect());

/// Whether `password` is one of them, in whatever case.
pub(super) fn is_common(password: &str) -> bool {
    let password = password.to_lowercase();
    COMMON.binary_search(&password.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_holds_enough_of_either_length() {
        assert!(COMMON.is_sorted());
        let n_long = COMMON.iter().filter(|word| word.chars().count() >= 15);
        let n_long = n_long.count();
        assert!(n_long >= 3_000 && COMMON.len() - n_long >= 3_000);
    }

    #[test]
    fn a_common_password_is_common_in_any_case_and_an_ordinary_passphrase_is_not() {
        for common in ["q1w2e3r4t5y6u7i8", "PasswordPassword", "1qaz2wsx"] {
            assert!(is_common(common), "{common}");
        }
        for fine in [
            "correct horse battery staple",
            "a perfectly fine passphrase",
        ] {
            assert!(!is_common(fine), "{fine}");
        }
    }
}
