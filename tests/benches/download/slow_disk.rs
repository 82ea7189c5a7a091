//! A disk as slow as an old one, for some processes.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

/// What may be read from the disk in a second.
pub(crate) const BYTES_PER_SEC: u64 = 2 << 20;

/// A control group (cgroups(7), of either version) that slows reads down; gone when dropped.
pub(crate) struct SlowDisk {
    group: PathBuf,
    /// Where processes go when they leave.
    parent: PathBuf,
}

/// Processes in the group until this is dropped.
pub(crate) struct Member<'a> {
    disk: &'a SlowDisk,
    pids: Vec<u32>,
}

impl SlowDisk {
    /// Slows down the disk that holds `file`.
    ///
    /// # Errors
    /// Only root may, and only where the kernel's controller for disks is at hand.
    pub(crate) fn beneath(file: &Path) -> anyhow::Result<Self> {
        let device = disk_of(file)?;
        let (parent, limit, rule) = if Path::new("/sys/fs/cgroup/blkio").is_dir() {
            let rule = format!("{device} {BYTES_PER_SEC}");
            (
                "/sys/fs/cgroup/blkio",
                "blkio.throttle.read_bps_device",
                rule,
            )
        } else {
            let rule = format!("{device} rbps={BYTES_PER_SEC}");
            ("/sys/fs/cgroup", "io.max", rule)
        };
        let parent = PathBuf::from(parent);
        let group = parent.join(format!("bench-download-{}", std::process::id()));
        fs::create_dir(&group).context("no control group can be made")?;
        let disk = Self { group, parent };
        let limit = disk.group.join(limit);
        ensure!(limit.is_file(), "control groups do not control disks here");
        fs::write(limit, rule).context("the limit is refused")?;
        Ok(disk)
    }

    /// Slows these processes down.
    pub(crate) fn slow_down(&self, pids: &[u32]) -> anyhow::Result<Member<'_>> {
        enter(&self.group, pids)?;
        let pids = pids.to_vec();
        Ok(Member { disk: self, pids })
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        let _ = enter(&self.disk.parent, &self.pids);
    }
}

fn enter(group: &Path, pids: &[u32]) -> anyhow::Result<()> {
    for pid in pids {
        fs::write(group.join("cgroup.procs"), pid.to_string()).context("no way into the group")?;
    }
    Ok(())
}

/// The number of the whole disk, `major:minor`: limits are not for partitions.
fn disk_of(file: &Path) -> anyhow::Result<String> {
    let device = fs::metadata(file)?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let number = format!("{major}:{minor}");
    let folder = Path::new("/sys/dev/block").join(&number);
    ensure!(folder.exists(), "the files are not on a disk");
    if !folder.join("partition").exists() {
        return Ok(number);
    }
    // A link into the disk's own folder, so its parent is found behind it only.
    let whole = fs::canonicalize(folder)?;
    let whole = whole
        .parent()
        .context("a disk of the partition")?
        .join("dev");
    Ok(fs::read_to_string(whole)?.trim().to_owned())
}
