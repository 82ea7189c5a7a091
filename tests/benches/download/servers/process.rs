//! What a group of processes uses, as the kernel counts it.

use std::{fs, path::Path, time::Duration};

use anyhow::Context;

/// Processor time and memory of a server's processes together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Time on a processor, in user and kernel mode.
    pub(crate) cpu: Duration,
    /// Resident bytes; pages that processes share count in each.
    pub(crate) rss_bytes: u64,
    /// Resident bytes; shared pages are divided among those that share them.
    pub(crate) pss_bytes: u64,
}

impl Usage {
    pub(super) fn of_group(group: u32) -> anyhow::Result<Self> {
        let mut usage = Self::default();
        for pid in self::group(group)? {
            let folder = Path::new("/proc").join(pid.to_string());
            usage.cpu += cpu(&folder)?;
            usage.rss_bytes += kilobytes(&folder.join("status"), "VmRSS:")? << 10;
            usage.pss_bytes += kilobytes(&folder.join("smaps_rollup"), "Pss:")? << 10;
        }
        Ok(usage)
    }
}

/// The processes of a group, without the shell and the `cat` that `Running` puts around them.
pub(super) fn group(group: u32) -> anyhow::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // It may have ended since the folder was read.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some((before, after)) = stat.rsplit_once(')') else {
            continue;
        };
        let is_guard = before.ends_with("(sh") || before.ends_with("(cat");
        let its_group = after
            .split_whitespace()
            .nth(2)
            .and_then(|it| it.parse().ok());
        if its_group == Some(group) && !is_guard {
            pids.push(pid);
        }
    }
    Ok(pids)
}

/// Nanoseconds from the scheduler: `stat` counts hundredths of a second only.
fn cpu(process: &Path) -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(process.join("task"))?.flatten() {
        // A thread of a pool may just have ended.
        if let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) {
            nanos += first_number(&text)?;
        }
    }
    Ok(Duration::from_nanos(nanos))
}

/// What the calling thread has used so far.
pub(crate) fn cpu_of_this_thread() -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(first_number(&text)?))
}

fn first_number(schedstat: &str) -> anyhow::Result<u64> {
    let first = schedstat.split(' ').next();
    let number = first.and_then(|it| it.parse().ok());
    number.context("no time in schedstat")
}

/// The first number after `name`, of those that the kernel gives in kB.
pub(crate) fn kilobytes(file: &Path, name: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.with_context(|| format!("no {name} in {}", file.display()))?;
    Ok(number.parse()?)
}
