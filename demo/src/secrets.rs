//! What the demo makes up once and keeps in files that only their owner may read.
#![expect(
    clippy::disallowed_methods,
    reason = "read and written before the servers start"
)]

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result};
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;

/// The text kept at `path`, or `None` when there is none yet.
pub fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Keeps `text` at `path`, mode 0600, whole or not at all.
pub fn keep(path: &Path, text: &str) -> Result<()> {
    let unfinished = path.with_extension("new");
    let write = || {
        let _ = fs::remove_file(&unfinished);
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// A key of 32 bytes in base64, kept at `path` and made once: a download broken by a restart resumes
/// by it, or an admin's second factor is still there.
pub fn key(path: &Path) -> Result<SecretString> {
    if let Some(kept) = read(path)? {
        return Ok(SecretString::from(kept.trim().to_owned()));
    }
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).context("the system gives no randomness")?;
    let key = STANDARD.encode(bytes);
    keep(path, &format!("{key}\n"))?;
    Ok(SecretString::from(key))
}

/// A new password: 20 letters and digits in groups of five, 98 bits.
///
/// No two of the 30 characters are easily taken for one another.
pub fn new_password() -> Result<String> {
    const LETTERS: &[u8; 30] = b"23456789abcdefghjkmnpqrstvwxyz";
    let mut password = String::new();
    while password.len() < 23 {
        let mut byte = [0];
        rand::fill(&mut byte).context("the system gives no randomness")?;
        // 240 = 8 × 30: above it, some letters would be likelier than others.
        let [byte] = byte;
        if byte >= 240 {
            continue;
        }
        if password.len() % 6 == 5 {
            password.push('-');
        }
        password.extend(LETTERS.get(usize::from(byte % 30)).copied().map(char::from));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn passwords_are_long_readable_and_never_the_same() {
        let password = new_password().unwrap();
        let groups: Vec<&str> = password.split('-').collect();
        assert_eq!(
            groups.iter().map(|group| group.len()).collect::<Vec<_>>(),
            [5, 5, 5, 5]
        );
        assert_ne!(password, new_password().unwrap());
    }

    #[test]
    fn what_is_kept_is_the_owners_alone_and_found_again() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("claimcheck-kept-{}", std::process::id()));
        assert_eq!(read(&path).unwrap(), None);

        keep(&path, "first").unwrap();
        keep(&path, "second").unwrap();

        assert_eq!(read(&path).unwrap().as_deref(), Some("second"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_file(path).unwrap();
    }
}
