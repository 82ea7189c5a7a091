//! E-mail addresses.

/// An e-mail address: trimmed, shown as typed, compared in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

/// RFC 5321 §4.5.3.1.3, less the angle brackets.
const MAX_BYTES: usize = 254;

impl Email {
    /// What looks like an address: one `@` with something on both sides, no spaces or controls.
    ///
    /// Whether it exists only a mail can tell.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let sound = !local.is_empty()
            && local.len() <= 64
            && !local.contains('@')
            && !domain.is_empty()
            && !domain.starts_with(['.', '-'])
            && !domain.ends_with(['.', '-'])
            && !domain.contains("..")
            && text.len() <= MAX_BYTES
            && !text
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c));
        sound.then(|| Self(text.to_owned()))
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is unique: lower case.
    pub fn key(&self) -> String {
        email_key(&self.0)
    }
}

/// What an address typed at sign-in is looked up by; need not be an address.
pub fn email_key(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_compared_in_lower_case() {
        let email = Email::parse("  Ada@Example.ORG ").unwrap();
        assert_eq!(
            (email.as_str(), email.key().as_str()),
            ("Ada@Example.ORG", "ada@example.org")
        );
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for text in [
            "",
            "ada",
            "@x.org",
            "ada@",
            "a b@x.org",
            "a@x.org\r\nBcc: b@y.org",
            "a@@x.org",
            "a@.org",
            "<a@x.org>",
        ] {
            assert!(Email::parse(text).is_none(), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@x.org", "a".repeat(65))).is_none());
    }
}
