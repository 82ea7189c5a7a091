//! Servers on one core, the client on another, where there are two.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores this process may use: the servers' and the client's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    server: usize,
    client: usize,
}

impl Cores {
    /// The first two; the same one twice where there is no other.
    pub(crate) fn choose() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let server = cores.next().unwrap_or(0);
        let client = cores.next().unwrap_or(server);
        Ok(Self { server, client })
    }

    pub(crate) fn are_two(self) -> bool {
        self.server != self.client
    }

    /// Moves this thread, and those it starts from now on, to the client's core.
    pub(crate) fn be_client(self) -> anyhow::Result<()> {
        pin(self.client)
    }

    /// Does something on the servers' core; a process started by it stays there.
    pub(crate) fn as_server<T>(self, act: impl FnOnce() -> T) -> anyhow::Result<T> {
        pin(self.server)?;
        let done = act();
        pin(self.client)?;
        Ok(done)
    }
}

fn pin(core: usize) -> anyhow::Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}
