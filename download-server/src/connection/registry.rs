//! Every open connection of this server: how many there may be, and how long each may idle.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::rt::net::TcpStream;
use ipnet::IpNet;
use shared::{clock::Clock, forwarded::is_trusted};
use socket2::SockRef;

use super::{Connection, Socket, lock};
use crate::{config::Limits, metrics::Metrics};

/// The most that waits unsent in the kernel for one connection. The less there is, the less a
/// stalled reader holds, and the more of what is sent is still in the processor's cache: 64 KiB was
/// the fastest of 64 KiB to 512 KiB.
const UNSENT_BYTES: u32 = 64 * 1024;

/// One in so many connections is ended at once when there are too many, so that finding the idlest
/// is not done anew for each newcomer.
const SHARE: usize = 256;

/// The kernel sees whether a peer acknowledges, but not whether it wants to read on: in HTTP/2 it
/// says so in a window of its own. Those windows open in large steps, so an answer that stands
/// still may do so for this many times a peer's silence.
const STALLED: u32 = 10;

/// What HTTP/2 holds back for a window is on its way when nothing has moved for so long.
const LAST_FRAMES: Duration = Duration::from_secs(1);

/// Every open connection.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: Limits,
    trusted: Vec<IpNet>,
    clock: Clock,
    epoch: Instant,
    // Std mutex: never held across an await.
    open: Mutex<Open>,
    n_open: AtomicUsize,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Entry>,
    /// How many connections each client's address has; only where that is limited.
    per_address: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Entry {
    connection: Arc<Connection>,
    address: Option<IpAddr>,
}

/// An open connection's place; dropped, another may take it.
#[derive(Debug)]
pub(crate) struct Place {
    connection: Arc<Connection>,
    connections: Weak<Connections>,
}

/// Nobody idles whose place could be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Connections {
    pub(crate) fn new(limits: Limits, trusted: Vec<IpNet>, clock: Clock, metrics: Metrics) -> Self {
        Self {
            limits,
            trusted,
            clock,
            epoch: Instant::now(),
            open: Mutex::default(),
            n_open: AtomicUsize::new(0),
            metrics,
        }
    }

    /// Takes a new connection in, in the place of the idlest ones when there are too many.
    ///
    /// `encrypted`: TLS comes first.
    ///
    /// # Errors
    /// Every other connection is delivering: this one is closed.
    pub(crate) fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        encrypted: bool,
    ) -> Result<Socket, TooMany> {
        self.prepare(&stream);
        let mut open = lock(&self.open);
        let number = open.next;
        open.next += 1;
        let connection = Arc::new(Connection::new(stream, number, self.epoch, encrypted));
        let address = self.limited_address(connection.peer);
        if let Err(full) = self.make_room(&mut open, address) {
            self.metrics.refused.inc();
            tracing::warn!(peer = %connection.peer, "a connection was refused: there is no idle one to take its place");
            return Err(full);
        }
        open.count(address, 1);
        let entry = Entry {
            connection: Arc::clone(&connection),
            address,
        };
        open.connections.insert(number, entry);
        self.n_open.store(open.connections.len(), Ordering::Relaxed);
        Ok(Socket::new(Place {
            connection,
            connections: Arc::downgrade(self),
        }))
    }

    fn prepare(&self, stream: &TcpStream) {
        let socket = SockRef::from(stream);
        let silence = self.limits.peer_silence;
        let set = socket
            .set_tcp_nodelay(true)
            .and_then(|()| set_on_linux(&socket, silence));
        if let Err(error) = set {
            tracing::debug!(%error, "a connection's options cannot be set");
        }
    }

    /// The address whose connections are counted; a trusted proxy's are not its own.
    fn limited_address(&self, address: IpAddr) -> Option<IpAddr> {
        let limited = self.limits.max_connections_per_address > 0;
        (limited && !is_trusted(address, &self.trusted)).then(|| one_customer(address))
    }

    /// Counts the connection of a trusted proxy for the `client` whose request it brings now.
    ///
    /// # Errors
    /// The client has too many connections, and a delivery on each.
    pub(crate) fn attribute(&self, connection: &Connection, client: IpAddr) -> Result<(), TooMany> {
        let limited = self.limits.max_connections_per_address > 0;
        if !limited || !is_trusted(connection.peer, &self.trusted) {
            return Ok(());
        }
        let address = self.limited_address(client);
        let mut open = lock(&self.open);
        let before = open.reassign(connection.number, None);
        if before != address
            && let Err(full) = self.make_room_for(&mut open, address)
        {
            self.metrics.refused.inc();
            return Err(full);
        }
        open.reassign(connection.number, address);
        Ok(())
    }

    fn make_room(&self, open: &mut Open, address: Option<IpAddr>) -> Result<(), TooMany> {
        self.make_room_for(open, address)?;
        let most = self.limits.max_connections;
        if open.connections.len() >= most {
            self.displace(open, (most / SHARE).max(1), |_| true)?;
        }
        Ok(())
    }

    fn make_room_for(&self, open: &mut Open, address: Option<IpAddr>) -> Result<(), TooMany> {
        let most = self.limits.max_connections_per_address;
        let n_open = address.and_then(|address| open.per_address.get(&address));
        if n_open.is_some_and(|n_open| *n_open >= most) {
            self.displace(open, 1, |entry| entry.address == address)?;
        }
        Ok(())
    }

    /// Ends the `n` idlest connections without a delivery among `those`.
    ///
    /// When newcomers are so many that a worker has not read yet what the idlest have sent, these
    /// go last: else a whole request could lose its place to clients that never say anything.
    fn displace(
        &self,
        open: &mut Open,
        n: usize,
        those: impl Fn(&Entry) -> bool,
    ) -> Result<(), TooMany> {
        let idle = open
            .connections
            .iter()
            .filter(|(_, entry)| !entry.connection.delivers() && those(entry));
        let mut idle: Vec<_> = idle
            .map(|(number, entry)| {
                let connection = &entry.connection;
                // Whoever waits for an answer goes only when nobody is idle.
                ((connection.is_busy(), connection.since()), *number)
            })
            .collect();
        if idle.is_empty() {
            return Err(TooMany);
        }
        idle.sort_unstable();
        let (mut leaving, mut waiting) = (Vec::new(), Vec::new());
        for (_, number) in idle {
            if leaving.len() == n {
                break;
            }
            if open.waits_for_us(number) {
                waiting.push(number);
            } else {
                leaving.push(number);
            }
        }
        for number in leaving.into_iter().chain(waiting).take(n) {
            open.remove(number);
            self.metrics.displaced.inc();
        }
        Ok(())
    }

    /// Ends what has idled for too long and what should have ended by now, for ever.
    pub(crate) async fn keep_watch(self: Arc<Self>) {
        let pause =
            (self.limits.head_timeout / 8).clamp(Duration::from_millis(5), Duration::from_secs(1));
        loop {
            actix_web::rt::time::sleep(pause).await;
            self.sweep();
        }
    }

    fn sweep(&self) {
        let (now, now_secs) = (self.epoch.elapsed(), self.clock.unix_secs());
        for entry in lock(&self.open).connections.values() {
            let connection = &entry.connection;
            if connection.has_ended() {
                continue;
            }
            let for_longer =
                |since, limit| now.saturating_sub(Duration::from_millis(since)) >= limit;
            let stalled = |since| for_longer(since, self.limits.peer_silence * STALLED);
            let over = if connection.is_multiplexed() {
                // Each body knows its own deadline; a frame that is not about files moves nothing.
                if connection.delivers() {
                    stalled(connection.body_at.load(Ordering::Relaxed))
                } else if connection.answers() {
                    stalled(connection.since())
                } else {
                    for_longer(connection.moved_at(), self.limits.head_timeout)
                }
            } else if connection.delivers() {
                now_secs >= connection.ends_at.load(Ordering::Relaxed)
                    || stalled(connection.moved_at())
            } else if connection.answers() {
                // It waits for its turn, as long as somebody waits with it.
                connection.has_hung_up()
            } else if connection.is_busy() {
                stalled(connection.moved_at())
            } else {
                for_longer(connection.since(), self.limits.head_timeout)
            };
            if over {
                self.metrics.timed_out.inc();
                connection.end();
            }
        }
    }

    /// Whether anything is still on its way to a client.
    pub(crate) fn is_moving(&self) -> bool {
        let now = self.epoch.elapsed();
        let moved_lately = |connection: &Connection| {
            let moved_at = Duration::from_millis(connection.moved_at());
            connection.is_multiplexed() && now.saturating_sub(moved_at) < LAST_FRAMES
        };
        let open = lock(&self.open);
        let mut connections = open.connections.values().map(|entry| &entry.connection);
        connections.any(|connection| connection.is_busy() || moved_lately(connection))
    }

    /// Ends every connection, or only those that answer nothing.
    pub(crate) fn end_all(&self, idle_only: bool) {
        for entry in lock(&self.open).connections.values() {
            if !(idle_only && entry.connection.is_busy()) {
                entry.connection.end();
            }
        }
    }

    /// Connections open now.
    pub(crate) fn n_open(&self) -> usize {
        self.n_open.load(Ordering::Relaxed)
    }
}

impl Open {
    fn count(&mut self, address: Option<IpAddr>, change: isize) {
        let Some(address) = address else { return };
        let n_open = self.per_address.entry(address).or_default();
        *n_open = n_open.saturating_add_signed(change);
        if *n_open == 0 {
            self.per_address.remove(&address);
        }
    }

    /// Counts a connection for another address; says for which it counted before.
    fn reassign(&mut self, number: u64, address: Option<IpAddr>) -> Option<IpAddr> {
        let entry = self.connections.get_mut(&number)?;
        let before = std::mem::replace(&mut entry.address, address);
        self.count(before, -1);
        self.count(address, 1);
        before
    }

    /// True when it is our turn: a request is being answered, or has not been read.
    fn waits_for_us(&self, number: u64) -> bool {
        let entry = self.connections.get(&number);
        entry
            .is_some_and(|Entry { connection, .. }| connection.is_busy() || connection.has_unread())
    }

    /// Ends a connection whose place is needed now, not only when its task has noticed.
    fn remove(&mut self, number: u64) {
        if let Some(entry) = self.connections.remove(&number) {
            entry.connection.end();
            self.count(entry.address, -1);
        }
    }
}

impl Place {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever still waits for it, waits in vain; claims of which nothing was sent are given back.
        self.connection.end();
        lock(&self.connection.claims).clear();
        let Some(connections) = self.connections.upgrade() else {
            return;
        };
        let mut open = lock(&connections.open);
        if let Some(entry) = open.connections.remove(&self.connection.number) {
            open.count(entry.address, -1);
        }
        connections
            .n_open
            .store(open.connections.len(), Ordering::Relaxed);
    }
}

/// What belongs to one customer of a network: an IPv4 address, or the /64 that everybody gets.
fn one_customer(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::from((u128::from(address) >> 64 << 64).to_be_bytes()),
    }
}

#[cfg(target_os = "linux")]
fn set_on_linux(socket: &SockRef<'_>, silence: Duration) -> std::io::Result<()> {
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    // The kernel ends a connection whose peer has acknowledged nothing for so long; a reader that
    // is merely slow acknowledges.
    socket.set_tcp_user_timeout(Some(silence))
}

#[cfg(not(target_os = "linux"))]
fn set_on_linux(_: &SockRef<'_>, _: Duration) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
