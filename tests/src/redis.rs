//! A real Redis: sessions can be kept in it.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        let mut redis = Self {
            program,
            folder: Folder::new(),
            address,
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
    /// It does not start within ten seconds.
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
            if TcpStream::connect(self.address).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis does not start");
    }

    /// Forgets everything it keeps, as a Redis does that lost its disk.
    pub fn lose_everything(&mut self) {
        self.kill();
        let written = self.folder.path().join("appendonlydir");
        std::fs::remove_dir_all(&written).expect("what it wrote");
        self.start_again();
    }
}
