#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::PermissionsExt;

use super::*;

/// A folder of its own beneath the system's temporary one, gone with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("keys-{}", uuid::Uuid::new_v4())))
    }

    fn keys(&self) -> Folder {
        Folder::new(self.0.join("keys"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn kids(folder: &Folder) -> Vec<String> {
    folder
        .list(now())
        .unwrap()
        .into_iter()
        .map(|(turn, _)| turn.kid)
        .collect()
}

#[test]
fn a_generated_key_is_ours_alone_and_carries_its_date() {
    let scratch = Scratch::new();
    let kid = scratch.keys().generate(now()).unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&scratch.file(&format!("{kid}.pem"))), 0o600);
    assert_eq!(mode(&scratch.file("")), 0o700);
    let contents = scratch.keys().read().unwrap();
    assert_eq!(contents.keys[0].kid(), kid);
    assert_eq!(contents.keys[0].created_at, now());
}

#[test]
fn a_newer_key_is_newer_whatever_the_clock_says() {
    let scratch = Scratch::new();
    let first = scratch.keys().generate(now()).unwrap();
    let second = scratch.keys().generate(now()).unwrap();
    let third = scratch
        .keys()
        .generate(now() - TimeDelta::hours(1))
        .unwrap();
    assert_eq!(kids(&scratch.keys()), [first, second, third]);
}

#[test]
fn the_first_key_is_made_once() {
    let scratch = Scratch::new();
    assert!(scratch.keys().generate_first(now()).unwrap().is_some());
    assert!(scratch.keys().generate_first(now()).unwrap().is_none());
    assert_eq!(kids(&scratch.keys()).len(), 1);
}

#[test]
fn servers_that_start_together_make_one_first_key() {
    let scratch = Scratch::new();
    let folder = scratch.keys();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| folder.generate_first(now()).unwrap());
        }
    });
    assert_eq!(kids(&folder).len(), 1);
}

#[test]
fn the_signing_key_is_retired_only_when_a_newer_one_can_sign() {
    let scratch = Scratch::new();
    let folder = scratch.keys();
    let old = folder.generate(now() - TimeDelta::days(2)).unwrap();
    let leaked = folder.generate(now() - TimeDelta::hours(2)).unwrap();
    assert!(matches!(
        folder.retire(&leaked, now()),
        Err(FolderError::NoSuccessor)
    ));
    assert!(matches!(
        folder.retire("other", now()),
        Err(FolderError::NoSuchKey(_))
    ));
    assert_eq!(kids(&folder), [old.clone(), leaked.clone()]);

    let new = folder.generate(now()).unwrap();
    assert_eq!(folder.retire(&leaked, now()).unwrap(), new);

    assert!(
        !scratch.file(&format!("{leaked}.pem")).exists(),
        "the private half is gone"
    );
    let listed = folder.list(now()).unwrap();
    assert_eq!(listed[0].0.kid, old);
    assert_eq!(listed[1].0.kid, new);
    assert_eq!(listed[1].1, Phase::Signing);
    assert!(matches!(
        folder.retire(&leaked, now()),
        Err(FolderError::NoSuchKey(_))
    ));
}

#[test]
fn a_key_that_does_not_sign_is_retired_without_a_successor() {
    let scratch = Scratch::new();
    let folder = scratch.keys();
    let old = folder.generate(now() - TimeDelta::hours(3)).unwrap();
    let signing = folder.generate(now() - TimeDelta::hours(2)).unwrap();
    assert_eq!(folder.retire(&old, now()).unwrap(), signing);
    assert_eq!(kids(&folder), [signing]);
}

#[test]
fn a_retired_key_stays_retired_when_its_file_comes_back() {
    let scratch = Scratch::new();
    let folder = scratch.keys();
    let leaked = folder.generate(now() - TimeDelta::hours(2)).unwrap();
    let file = scratch.file(&format!("{leaked}.pem"));
    let kept = scratch.file("backup");
    fs::copy(&file, &kept).unwrap();
    let new = folder.generate(now()).unwrap();
    folder.retire(&leaked, now()).unwrap();

    fs::rename(&kept, &file).unwrap();
    assert_eq!(kids(&folder), std::slice::from_ref(&new));
    assert_eq!(folder.retire(&leaked, now()).unwrap(), new);
    assert!(!file.exists(), "retiring it again removes the file");
}

#[test]
fn a_file_that_is_not_what_it_says_refuses_the_folder() {
    let scratch = Scratch::new();
    let folder = scratch.keys();
    let kid = folder.generate(now()).unwrap();
    let file = scratch.file(&format!("{kid}.pem"));

    for open in [0o644, 0o602, 0o660, 0o620, 0o610] {
        fs::set_permissions(&file, fs::Permissions::from_mode(open)).unwrap();
        assert!(
            matches!(folder.read(), Err(FolderError::Exposed { mode, .. }) if mode == open),
            "{open:o}"
        );
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(folder.read().is_ok());

    let other = scratch.file("other.pem");
    fs::rename(&file, &other).unwrap();
    assert!(matches!(folder.read(), Err(FolderError::Name { .. })));
    fs::write(&other, "nothing").unwrap();
    assert!(matches!(folder.read(), Err(FolderError::Key { .. })));
    fs::rename(&other, scratch.file("notes.txt")).unwrap();
    assert!(
        folder.read().unwrap().keys.is_empty(),
        "other files are none of our business"
    );
}

#[test]
fn a_writer_that_died_stands_in_nobodys_way() {
    let scratch = Scratch::new();
    let folder = scratch.keys();
    let kid = folder.generate(now() - TimeDelta::hours(2)).unwrap();
    let new = folder.generate(now()).unwrap();
    fs::write(scratch.file(&format!(".{kid}.retired.new")), "{").unwrap();
    assert_eq!(folder.retire(&kid, now()).unwrap(), new);
}

#[test]
fn a_folder_that_is_not_there_holds_nothing() {
    assert!(Scratch::new().keys().read().unwrap().keys.is_empty());
}
