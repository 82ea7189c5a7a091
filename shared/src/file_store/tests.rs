#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test may block")]

use std::{
    fs,
    io::Read,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// SHA-256 of "abc" (FIPS 180-2, appendix B.1).
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A folder of its own, gone when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("claimcheck-{}", Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn store(&self) -> super::Folder {
        super::Folder::open(&Url::from_directory_path(&self.0).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn put(store: &super::Folder, parts: &[&str]) -> io::Result<(StorageKey, u64)> {
    let mut file = store.write()?;
    for part in parts {
        file.write_all(part.as_bytes())?;
    }
    file.finish()
}

fn text(store: &super::Folder, key: StorageKey) -> String {
    let mut text = String::new();
    store.read(key).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn entries(path: &Path) -> usize {
    fs::read_dir(path).unwrap().count()
}

#[test]
fn what_is_written_is_found_under_its_hash() {
    let folder = Folder::new();
    let store = folder.store();

    let (key, size_bytes) = put(&store, &["a", "bc"]).unwrap();

    assert_eq!((key.to_string().as_str(), size_bytes), (ABC, 3));
    assert_eq!(text(&store, key), "abc");
    assert!(folder.path().join(format!("sha256/ba/78/{ABC}")).is_file());
    assert_eq!(entries(&folder.path().join("incoming")), 0);
    store.probe().unwrap();
}

#[test]
fn the_same_bytes_are_kept_once_and_never_replaced() {
    let folder = Folder::new();
    let store = folder.store();
    let (key, _) = put(&store, &["abc"]).unwrap();
    let path = folder.path().join(key.path());
    let before = fs::metadata(&path).unwrap().modified().unwrap();

    assert_eq!(put(&store, &["abc"]).unwrap().0, key);

    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    assert_eq!(entries(&folder.path().join("incoming")), 0);
}

#[test]
fn a_damaged_file_is_reported_when_its_bytes_come_again() {
    let folder = Folder::new();
    let store = folder.store();
    let (key, _) = put(&store, &["abc"]).unwrap();
    fs::write(folder.path().join(key.path()), "ab").unwrap();

    let error = put(&store, &["abc"]).unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn an_unfinished_file_leaves_nothing_behind() {
    let folder = Folder::new();
    let store = folder.store();
    let mut file = store.write().unwrap();
    file.write_all(b"half").unwrap();

    drop(file);

    assert_eq!(entries(&folder.path().join("incoming")), 0);
}

#[test]
fn only_regular_files_beneath_the_folder_are_read() {
    let folder = Folder::new();
    let store = folder.store();
    let outside = Folder::new();
    fs::write(outside.path().join("secret"), "s").unwrap();
    let key = StorageKey::parse(ABC).unwrap();
    let path = folder.path().join(key.path());
    assert_eq!(store.read(key).unwrap_err().kind(), io::ErrorKind::NotFound);

    fs::create_dir_all(&path).unwrap();
    assert!(store.read(key).is_err(), "a folder");

    fs::remove_dir(&path).unwrap();
    symlink(outside.path().join("secret"), &path).unwrap();
    assert!(store.read(key).is_err(), "a link that leads out");
}

#[test]
fn a_missing_folder_is_noticed_and_found_again() {
    let folder = Folder::new();
    let root = folder.path().join("files");
    let store = super::Folder::open(&Url::from_directory_path(&root).unwrap()).unwrap();
    assert!(store.probe().is_err());

    fs::create_dir(&root).unwrap();

    store.probe().unwrap();
    assert!(store.is_empty().unwrap());
    put(&store, &["abc"]).unwrap();
    assert!(!store.is_empty().unwrap());
}

#[test]
fn other_addresses_are_refused() {
    let open = |url: &str| FileStore::open(url, &BucketAccess::default());
    for url in [
        "",
        "/srv/files",
        "file://",
        "http://h/",
        "file:///a?b",
        "file://host/share",
        "s3://",
        "s3://bucket?x",
    ] {
        assert!(matches!(open(url), Err(FileStoreError::Malformed)), "{url}");
    }
    let bucket = open("s3://bucket");
    if cfg!(feature = "s3") {
        assert!(matches!(bucket, Err(FileStoreError::Unsigned)));
    } else {
        assert!(matches!(bucket, Err(FileStoreError::S3)));
    }
}

#[test]
fn keys_have_one_form() {
    let upper = ABC.to_uppercase();
    for text in [
        "",
        "ab",
        &upper,
        &ABC.replace('b', "g"),
        &format!("{ABC}0"),
        &"é".repeat(32),
    ] {
        assert_eq!(StorageKey::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_key_survives_its_text(digest in any::<[u8; 32]>()) {
        let key = StorageKey::from_digest(digest);
        prop_assert_eq!(StorageKey::parse(&key.to_string()), Some(key));
        prop_assert_eq!(key.digest(), &digest);
    }
}
