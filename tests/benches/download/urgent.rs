//! Going before all other work on the machine.

use std::fs;

use anyhow::Context;
use rustix::process::setpriority_process;

/// Niceness that leaves little to processes of the usual one.
const NICE: i32 = -15;

/// Where the kernel groups processes by session, it is the group's niceness that counts.
const AUTOGROUP: &str = "/proc/self/autogroup";

/// Precedence for this process, and for all that it starts, until this is dropped.
pub(crate) struct Urgent {
    session_before: Option<String>,
}

impl Urgent {
    /// # Errors
    /// Only root may.
    pub(crate) fn begin() -> anyhow::Result<Self> {
        setpriority_process(None, NICE).context("only root may be urgent")?;
        let group = fs::read_to_string(AUTOGROUP).ok();
        let session_before = group
            .as_deref()
            .and_then(|text| text.trim().rsplit_once(' '))
            .map(|(_, nice)| nice.to_owned());
        if session_before.is_some() {
            fs::write(AUTOGROUP, NICE.to_string()).context("only root may be urgent")?;
        }
        Ok(Self { session_before })
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        if let Some(nice) = &self.session_before {
            let _ = fs::write(AUTOGROUP, nice);
        }
    }
}
