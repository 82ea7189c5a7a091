#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey};
use shared::{file_store::StorageKey, token::MAX_TOKEN_BYTES};
use uuid::Uuid;

use super::*;

/// A signer over a folder of its own, gone with the test.
struct Scratch {
    path: PathBuf,
    clock: Clock,
    signer: Signer,
}

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("signer-{}", Uuid::new_v4()));
        let clock = Clock::manual(DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000));
        let signer = Signer::open(&path, clock.clone()).unwrap();
        Self {
            path,
            clock,
            signer,
        }
    }

    fn published(&self) -> Vec<String> {
        self.signer
            .key_set()
            .iter()
            .map(|key| key.kid().to_owned())
            .collect()
    }
}

impl Drop for Scratch {
    #[expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn token(name: &str) -> DownloadToken {
    DownloadToken {
        iss: "https://shop.example".to_owned(),
        aud: "https://files.example".to_owned(),
        sub: Uuid::new_v4(),
        jti: Uuid::new_v4(),
        iat: 1_700_000_000,
        exp: 1_700_000_120,
        fid: Uuid::new_v4(),
        key: StorageKey::from_digest([7; 32]),
        size: 42,
        media_type: "application/pdf".to_owned(),
        published_at: 1_600_000_000,
        name: name.to_owned(),
    }
}

/// Header and claims of a token that one of `keys` signed.
fn verified(keys: &KeySet, text: &str) -> (Header, DownloadToken) {
    let (input, signature) = text.rsplit_once('.').unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let key = keys.find(&header.kid).unwrap();
    let key = DecodingKey::from_ed_der(key.bytes());
    let good = jsonwebtoken::crypto::verify(signature, input.as_bytes(), &key, Algorithm::EdDSA);
    assert!(good.unwrap());
    (
        header,
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap(),
    )
}

#[test]
fn a_fresh_folder_signs_at_once_with_a_published_key() {
    let scratch = Scratch::new();
    let given = token("guide.pdf");
    let text = scratch.signer.sign(given.clone()).unwrap();

    let (header, claims) = verified(&scratch.signer.key_set(), &text);
    assert_eq!(header, Header::new(&scratch.published()[0]));
    assert_eq!(claims, given);
}

#[test]
fn a_long_name_is_cut_so_that_the_token_fits() {
    let scratch = Scratch::new();
    let text = scratch
        .signer
        .sign(token(&format!("{}.pdf", "ä".repeat(300))))
        .unwrap();

    assert!(text.len() <= MAX_TOKEN_BYTES);
    let (_, claims) = verified(&scratch.signer.key_set(), &text);
    assert!(claims.name.ends_with("ä.pdf"));
}

#[test]
fn a_token_whose_addresses_do_not_fit_is_refused() {
    let mut token = token("guide.pdf");
    token.aud = format!("https://{}.example", "a".repeat(600));
    assert!(matches!(
        Scratch::new().signer.sign(token),
        Err(SignError::TooLong(_))
    ));
}

#[test]
fn keys_take_turns_without_a_restart() {
    let scratch = Scratch::new();
    let first = scratch.published();
    let folder = Folder::new(&scratch.path);
    let second = folder.generate(scratch.clock.now()).unwrap();
    scratch.signer.reload().unwrap();
    let signing = |token: &str| verified(&scratch.signer.key_set(), token).0.kid;
    let old = scratch.signer.sign(token("a")).unwrap();
    assert_eq!(signing(&old), first[0]);

    scratch
        .clock
        .advance(schedule::ANNOUNCED + TimeDelta::microseconds(1));
    assert_eq!(signing(&scratch.signer.sign(token("a")).unwrap()), second);
    assert_eq!(
        signing(&old),
        first[0],
        "what the old key signed is still good"
    );

    scratch.clock.advance(schedule::FADES);
    assert_eq!(scratch.published(), [second]);
}

#[test]
fn a_retired_key_is_neither_used_nor_published() {
    let scratch = Scratch::new();
    let leaked = scratch.published().remove(0);
    let folder = Folder::new(&scratch.path);
    let new = folder.generate(scratch.clock.now()).unwrap();
    folder.retire(&leaked, scratch.clock.now()).unwrap();
    scratch.signer.reload().unwrap();

    assert_eq!(scratch.published(), std::slice::from_ref(&new));
    let text = scratch.signer.sign(token("a")).unwrap();
    assert_eq!(verified(&scratch.signer.key_set(), &text).0.kid, new);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]
fn a_folder_that_went_away_leaves_the_last_keys() {
    let scratch = Scratch::new();
    let published = scratch.published();
    std::fs::remove_dir_all(&scratch.path).unwrap();

    assert!(matches!(scratch.signer.reload(), Err(FolderError::Empty)));
    assert_eq!(scratch.published(), published);
}
