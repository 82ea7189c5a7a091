//! A real Redis: sessions can be kept in it.

use std::{
    env,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::Stdio,
    sync::OnceLock,
    time::Duration,
};

use uuid::Uuid;

use crate::{
    programs::{REDIS, Running},
    shop::Folder,
};

/// A running Redis, or one that is stopped for a while; what it keeps goes with it.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    folder: Folder,
    address: SocketAddr,
    running: Option<Running>,
}

impl Redis {
    /// Starts one on a free port. `None`, said aloud, when it is not installed.
    ///
    /// # Panics
    /// When it is missing where every test must run.
    pub fn start() -> Option<Self> {
        let program = REDIS.find()?;
        let mut redis = Self {
            program,
            folder: Folder::new(),
            address: address_to_come_back_to(),
            running: None,
        };
        redis.start_again();
        Some(redis)
    }

    /// Its address, as `SESSION_STORE` takes it.
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it, without a chance to write anything down.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Starts it again at the same address, with what it had written down.
    ///
    /// # Panics
    /// It does not answer within ten seconds.
    pub fn start_again(&mut self) {
        let port = self.address.port().to_string();
        let folder = self.folder.path().display().to_string();
        let arguments = [
            ["--bind", "127.0.0.1"],
            ["--port", &port],
            ["--dir", &folder],
            ["--appendonly", "yes"],
            ["--appendfsync", "always"],
            ["--save", ""],
            ["--daemonize", "no"],
        ];
        let arguments: Vec<String> = arguments.concat().into_iter().map(str::to_owned).collect();
        self.running = Some(Running::start(&self.program, &arguments, Stdio::null()));
        for _ in 0..1_000 {
            if answers_as_redis(self.address).unwrap_or(false) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis does not start");
    }

    /// Sets aside what it has written down so far.
    ///
    /// # Panics
    /// The disk fails.
    pub fn set_aside(&self) {
        self.copy("appendonlydir", "set-aside");
    }

    /// Dies, and comes back with what was set aside: a backup, or a replica that lagged behind.
    ///
    /// # Panics
    /// The disk fails, or it does not start.
    pub fn come_back_with_what_was_set_aside(&mut self) {
        self.kill();
        self.copy("set-aside", "appendonlydir");
        self.start_again();
    }

    fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.folder.path().join(from), self.folder.path().join(to));
        if to.exists() {
            std::fs::remove_dir_all(&to).expect("an older copy removed");
        }
        std::fs::create_dir(&to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("what it wrote") {
            let entry = entry.expect("a file");
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }

    /// Forgets everything it keeps, as a Redis does that lost its disk.
    pub fn lose_everything(&mut self) {
        self.kill();
        let written = self.folder.path().join("appendonlydir");
        std::fs::remove_dir_all(&written).expect("what it wrote");
        self.start_again();
    }
}

/// An address that is free, and stays so while its Redis is down.
///
/// Below the ports that Linux gives to whoever asks for any (32768 and up,
/// `net.ipv4.ip_local_port_range`): a connection of another test would take its place.
fn address_to_come_back_to() -> SocketAddr {
    loop {
        let port = 16_384 + u16::try_from(Uuid::new_v4().as_u128() % 16_384).expect("14 bits");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Whether a Redis is there that has read what it keeps, rather than anybody.
fn answers_as_redis(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG")
}

/// The Redis of a suite that is called `redis`: there, every shop keeps its sessions in it.
///
/// One for all shops of the process: no two of them have a user or a session in common.
pub fn of_this_suite() -> Option<&'static Redis> {
    static REDIS: OnceLock<Option<Redis>> = OnceLock::new();

    let start = || {
        let program = PathBuf::from(env::args_os().next()?);
        let name = program.file_name()?.to_str()?;
        name.starts_with("redis-").then(Redis::start).flatten()
    };
    REDIS.get_or_init(start).as_ref()
}
