//! The folder of the signing keys: what is in it, and the two ways it changes.

#![expect(
    clippy::disallowed_methods,
    reason = "runs at the start, in the command line and in a thread of its own, never where requests are served"
)]

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use super::{
    key::{KeyError, SigningKey},
    schedule::{self, Phase, Retirement, Turn},
};

/// No key and no note comes near this many bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024;

/// The folder of the signing keys.
///
/// `<kid>.pem` is a key (see [`SigningKey::generate`]); `<kid>.retired` is the note that the key
/// of this name is not to be used again, even if its file comes back. Both are written once, under
/// a temporary name first, and never changed. `.lock` makes writers wait for each other.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// All that a folder holds.
pub struct Contents {
    /// The keys that were not retired, in no order.
    pub keys: Vec<SigningKey>,
    /// The notes.
    pub retirements: Vec<Retirement>,
}

impl Contents {
    /// Whose turn is when.
    pub fn turns(&self) -> Vec<Turn> {
        let keys = self
            .keys
            .iter()
            .map(|key| (key.kid().to_owned(), key.created_at));
        schedule::turns(keys, &self.retirements)
    }
}

/// The text of a `.retired` note, as JSON.
#[derive(Serialize, Deserialize)]
struct Note {
    retired_at: DateTime<Utc>,
    successor: Option<String>,
}

impl Folder {
    /// The folder at `path`; nothing is touched yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Reads everything; a folder that is not there holds nothing.
    ///
    /// # Errors
    /// One file that is not what its name says refuses all: half of the keys would look like a
    /// retirement of the others.
    pub fn read(&self) -> Result<Contents, FolderError> {
        let mut contents = Contents {
            keys: Vec::new(),
            retirements: Vec::new(),
        };
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(contents),
            Err(error) => return Err(FolderError::io(&self.path, error)),
        };
        for entry in entries {
            let path = entry
                .map_err(|error| FolderError::io(&self.path, error))?
                .path();
            let Some(kid) = path.file_stem().and_then(OsStr::to_str) else {
                continue;
            };
            if kid.starts_with('.') {
                continue;
            }
            match path.extension().and_then(OsStr::to_str) {
                Some("pem") => contents.keys.push(read_key(&path, kid)?),
                Some("retired") => contents.retirements.push(read_note(&path, kid)?),
                _ => {}
            }
        }
        let Contents { keys, retirements } = &mut contents;
        keys.retain(|key| {
            !retirements
                .iter()
                .any(|retirement| retirement.kid == key.kid())
        });
        Ok(contents)
    }

    /// Makes a key, and the folder if it is missing; gives the key's name.
    pub fn generate(&self, now: DateTime<Utc>) -> Result<String, FolderError> {
        let _lock = self.lock()?;
        let contents = self.read()?;
        self.generate_locked(&contents, now)
    }

    /// Makes a key when there is none, however many servers start together.
    pub fn generate_first(&self, now: DateTime<Utc>) -> Result<Option<String>, FolderError> {
        let _lock = self.lock()?;
        let contents = self.read()?;
        if !contents.keys.is_empty() {
            return Ok(None);
        }
        self.generate_locked(&contents, now).map(Some)
    }

    /// Ends a key at once: what it signed is good no longer. Gives the name of the key that signs.
    ///
    /// # Errors
    /// [`FolderError::NoSuccessor`]: it signs, and there is no newer key that could instead.
    pub fn retire(&self, kid: &str, now: DateTime<Utc>) -> Result<String, FolderError> {
        let _lock = self.lock()?;
        let contents = self.read()?;
        let turns = contents.turns();
        let (signing, _) = schedule::schedule(&turns, now);
        let key_file = self.path.join(format!("{kid}.pem"));
        let Some(at) = turns.iter().position(|turn| turn.kid == kid) else {
            // Of a retired key nothing can be left but its file, restored or never removed.
            let is_retired = contents.retirements.iter().any(|note| note.kid == kid);
            return match signing {
                Some(signing) if is_retired && fs::remove_file(&key_file).is_ok() => {
                    Ok(signing.kid.clone())
                }
                _ => Err(FolderError::NoSuchKey(kid.to_owned())),
            };
        };
        let successor = match signing {
            Some(signing) if signing.kid != kid => None,
            // Newer than the retired one: an older key has stopped signing for a reason.
            _ => Some(
                turns
                    .get(at + 1..)
                    .and_then(<[Turn]>::last)
                    .ok_or(FolderError::NoSuccessor)?,
            ),
        };
        let note = Note {
            retired_at: now,
            successor: successor.map(|turn| turn.kid.clone()),
        };
        let text = serde_json::to_string(&note).map_err(io::Error::from);
        let text = text.map_err(|error| FolderError::io(&self.path, error))? + "\n";
        // The note first: it alone decides, so a crash before the removal leaves nothing open.
        self.write(&format!("{kid}.retired"), text.as_bytes())?;
        fs::remove_file(&key_file).map_err(|error| FolderError::io(&key_file, error))?;
        let signs = successor.or(signing).map(|turn| turn.kid.clone());
        signs.ok_or(FolderError::NoSuccessor)
    }

    /// What each key is good for at `now`, oldest first.
    pub fn list(&self, now: DateTime<Utc>) -> Result<Vec<(Turn, Phase)>, FolderError> {
        let turns = self.read()?.turns();
        let with_phase = |turn: Turn| {
            let phase = turn.phase(now);
            (turn, phase)
        };
        Ok(turns.into_iter().map(with_phase).collect())
    }

    fn generate_locked(
        &self,
        contents: &Contents,
        now: DateTime<Utc>,
    ) -> Result<String, FolderError> {
        // Later than all others even when the clock has stepped back: turns follow these dates.
        let after_all = contents
            .keys
            .iter()
            .map(|key| key.created_at + TimeDelta::microseconds(1));
        let now = after_all.max().map_or(now, |earliest| now.max(earliest));
        let failed = |source| FolderError::Key {
            path: self.path.clone(),
            source,
        };
        let (key, text) = SigningKey::generate(now).map_err(failed)?;
        self.write(&format!("{}.pem", key.kid()), text.as_bytes())?;
        Ok(key.kid().to_owned())
    }

    /// Until the file is dropped, other writers wait.
    fn lock(&self) -> Result<File, FolderError> {
        let failed = |error| FolderError::io(&self.path, error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(failed)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(self.path.join(".lock")).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Writes a file that nobody sees half-written and only we can read.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let temporary = self.path.join(format!(".{name}.new"));
        let write = || {
            // What a writer that died left behind; the lock says that nobody is writing it.
            if let Err(error) = fs::remove_file(&temporary)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, self.path.join(name))?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|error| FolderError::io(&temporary, error))
    }
}

fn read_key(path: &Path, kid: &str) -> Result<SigningKey, FolderError> {
    let text = read_text(path)?;
    let key = SigningKey::parse(&text).map_err(|source| FolderError::Key {
        path: path.to_owned(),
        source,
    })?;
    if key.kid() != kid {
        let expected = format!("{}.pem", key.kid());
        return Err(FolderError::Name {
            path: path.to_owned(),
            expected,
        });
    }
    Ok(key)
}

fn read_note(path: &Path, kid: &str) -> Result<Retirement, FolderError> {
    let note: Note = serde_json::from_str(&read_text(path)?)
        .map_err(|error| FolderError::io(path, io::Error::from(error)))?;
    Ok(Retirement {
        kid: kid.to_owned(),
        retired_at: note.retired_at,
        successor: note.successor,
    })
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, FolderError> {
    let failed = |error| FolderError::io(path, error);
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    // The group may read: that is how orchestrators hand secrets to an unprivileged user. Who may
    // write puts a key of their own in its place.
    if mode & 0o037 != 0 {
        return Err(FolderError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text)
}

/// What is wrong with the folder of keys.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read or written.
    #[error("cannot use {}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not a key.
    #[error("no key in {}", .path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// A key has another name than its own.
    #[error("{} holds another key than its name says; it should be {expected}", .path.display())]
    Name {
        /// Which file.
        path: PathBuf,
        /// Its right name.
        expected: String,
    },
    /// Others can read or write a key, or its group can write it.
    #[error("{} is open to others than its owner (mode {mode:o}); make it 600, or 640 for a group that reads it", .path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There were keys, and there are none: a mount that went away, not a wish.
    #[error("the folder of keys is empty")]
    Empty,
    /// There is no key of this name, or it was retired before.
    #[error("there is no key {0}")]
    NoSuchKey(String),
    /// The only key that can sign is not retired.
    #[error("this key signs and there is no newer one; run `app-server keys generate` first")]
    NoSuccessor,
}

impl FolderError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests;
