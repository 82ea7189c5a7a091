//! Decides whether a token is ours: form, header, signature, claims. Not whether it is still good.

pub(crate) mod batch;
pub(crate) mod key;
mod prepared_key;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use shared::token::{ALGORITHM, DownloadToken, Header, MAX_LIFETIME_SECS, MAX_TOKEN_BYTES, TYPE};

use self::key::VerifyingKey;

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// A token whose form and header are right; nothing in it is proven yet.
#[derive(Debug)]
pub(crate) struct UnverifiedToken<'a> {
    /// Which key is said to have signed.
    pub(crate) kid: String,
    signed: &'a str,
    payload: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
}

/// Why a token is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOurs {
    /// Too long, or not three parts of base64url.
    Malformed,
    /// Everything else, deliberately not told apart, so that a probe learns nothing.
    Invalid,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes the token apart; the limits come before anything that costs.
    pub(crate) fn parse(text: &'a str) -> Result<Self, NotOurs> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(NotOurs::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(NotOurs::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(NotOurs::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NotOurs::Malformed);
        if header.is_empty() || payload.is_empty() {
            return Err(NotOurs::Malformed);
        }
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header = read(&header)?;
        if header.alg != ALGORITHM || header.typ != TYPE {
            return Err(NotOurs::Invalid);
        }
        let signature = signature.try_into().map_err(|_| NotOurs::Invalid)?;
        Ok(Self {
            kid: header.kid,
            signed,
            payload,
            signature,
        })
    }

    /// Checks the signature, then reads the claims, which must come from `issuer` for `audience`.
    ///
    /// # Source
    /// RFC 8725 §3.1: the algorithm is ours to choose, never the token's.
    pub(crate) async fn verify(
        &self,
        key: &VerifyingKey,
        issuer: &str,
        audience: &str,
    ) -> Result<DownloadToken, NotOurs> {
        let signed = self.signed.as_bytes();
        if !key.has_signed(signed, &self.signature).await {
            return Err(NotOurs::Invalid);
        }
        let claims: DownloadToken = read(&self.payload)?;
        let lifetime = claims.exp.checked_sub(claims.iat);
        let ours = claims.iss == issuer
            && claims.aud == audience
            && lifetime.is_some_and(|secs| (1..=MAX_LIFETIME_SECS).contains(&secs));
        if ours {
            Ok(claims)
        } else {
            Err(NotOurs::Invalid)
        }
    }
}

/// A part of a token: checked once to be UTF-8, and not again for every string in it.
fn read<'a, T: Deserialize<'a>>(part: &'a [u8]) -> Result<T, NotOurs> {
    let text = std::str::from_utf8(part).map_err(|_| NotOurs::Invalid)?;
    serde_json::from_str(text).map_err(|_| NotOurs::Invalid)
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod vectors;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::{batch::finish, *};

    fn encoded(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn what_is_not_three_parts_of_base64url_is_malformed() {
        let header = encoded(r#"{"alg":"EdDSA","typ":"download+jwt","kid":"k"}"#);
        for text in [
            String::new(),
            "..".to_owned(),
            format!("{header}.e30"),
            format!("{header}..AAAA"),
            format!(".{header}.AAAA"),
            format!("{header}.e30.AAAA.AAAA"),
            format!("{header}.e30.AA=="),
            format!("{header}.e30.A%41A"),
            format!("{header}.e30.A"),
            "a".repeat(MAX_TOKEN_BYTES + 1),
        ] {
            assert_eq!(
                UnverifiedToken::parse(&text).unwrap_err(),
                NotOurs::Malformed,
                "{text}"
            );
        }
    }

    #[test]
    fn a_wrong_header_or_signature_length_is_invalid() {
        let signature = "A".repeat(86);
        for header in [
            r#"{"alg":"none","typ":"download+jwt","kid":"k"}"#,
            r#"{"alg":"HS256","typ":"download+jwt","kid":"k"}"#,
            r#"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#,
            r#"{"alg":"EdDSA","typ":"download+jwt","kid":"k","b64":false}"#,
            "{}",
            "7",
        ] {
            let text = format!("{}.e30.{signature}", encoded(header));
            assert_eq!(
                UnverifiedToken::parse(&text).unwrap_err(),
                NotOurs::Invalid,
                "{header}"
            );
        }
        let header = encoded(r#"{"alg":"EdDSA","typ":"download+jwt","kid":"k"}"#);
        for signature in ["", "AAAA"] {
            let text = format!("{header}.e30.{signature}");
            assert_eq!(UnverifiedToken::parse(&text).unwrap_err(), NotOurs::Invalid);
        }
        assert_eq!(
            UnverifiedToken::parse(&format!("{header}.e30.{signature}"))
                .unwrap()
                .kid,
            "k"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_refused_without_a_panic(text in any::<String>()) {
            prop_assert!(UnverifiedToken::parse(&text).is_err());
        }

        #[test]
        fn arbitrary_parts_are_refused_without_a_panic(
            header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<[u8; 64]>(),
        ) {
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let text = format!("{}.{}.{}", encode(&header), encode(&payload), encode(&signature));
            prop_assert!(UnverifiedToken::parse(&text).is_err());

            let header = encoded(r#"{"alg":"EdDSA","typ":"download+jwt","kid":"k"}"#);
            let text = format!("{header}.{}.{}", encode(&payload), encode(&signature));
            if let Ok(token) = UnverifiedToken::parse(&text) {
                let key = VerifyingKey::plain(&[1; 32]);
                let verified = finish(token.verify(&key, "i", "a"));
                prop_assert_eq!(verified, Err(NotOurs::Invalid));
            }
        }
    }
}
