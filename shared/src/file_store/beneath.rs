//! Opening files so that no link leads out of the store.

use std::{fs::File, io, path::Path};

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, CWD, Mode, OFlags, openat, statat},
    io::Errno,
};

/// The store's folder, which itself may be reached through links.
pub(super) fn open_root(root: &Path) -> io::Result<OwnedFd> {
    Ok(openat(
        CWD,
        root,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

/// Opens `path` beneath `root` for reading.
pub(super) fn open_file(root: &OwnedFd, path: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{ResolveFlags, openat2};
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match openat2(root, path, FILE, Mode::empty(), resolve) {
            Ok(file) => return Ok(file.into()),
            // Kernels before 5.6, and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    open_step_by_step(root, path)
}

/// Whether `root` has an entry of that name.
pub(super) fn has_entry(root: &OwnedFd, name: &str) -> io::Result<bool> {
    match statat(root, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// NONBLOCK: opening a pipe that someone put there must not wait for its other end.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// One component at a time, following no link at all.
fn open_step_by_step(root: &OwnedFd, path: &Path) -> io::Result<File> {
    let mut folder = root.as_fd().try_clone_to_owned()?;
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        let last = components.peek().is_none();
        let flags = if last {
            FILE
        } else {
            FILE.union(OFlags::DIRECTORY)
        };
        let name = component.as_os_str();
        folder = openat(&folder, name, flags.union(OFlags::NOFOLLOW), Mode::empty())?;
    }
    Ok(folder.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    #![expect(clippy::disallowed_methods, reason = "a test may block")]
    use std::{fs, os::unix::fs::symlink};

    use super::*;
    use crate::file_store::tests::Folder;

    #[test]
    fn no_link_leads_out_either_way() {
        let outside = Folder::new();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let folder = Folder::new();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/file"), "f").unwrap();
        symlink(outside.path(), folder.path().join("out")).unwrap();
        symlink(outside.path().join("secret"), folder.path().join("in/link")).unwrap();
        let root = open_root(folder.path()).unwrap();

        for open in [open_file, open_step_by_step] {
            assert!(open(&root, Path::new("in/file")).is_ok());
            assert!(open(&root, Path::new("out/secret")).is_err());
            assert!(open(&root, Path::new("in/link")).is_err());
        }
    }
}
