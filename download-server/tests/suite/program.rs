//! The program itself, as a process that can be told to stop, killed, and started again.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use shared::{clock::Clock, key_set::KeySet, token::DownloadToken};

use crate::{
    node::{self, Folder, Signer},
    store::Store,
    wire::{Answer, exchange, request},
};

/// How long a step of a process may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What comes of `step`, which does not take for ever.
async fn in_time<T>(what: &str, step: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, step).await;
    outcome.unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
}

/// What stays when a process goes: its port, files, keys and lease key.
pub(crate) struct Site {
    pub(crate) store: Store,
    address: SocketAddr,
    signer: Signer,
    /// Dropped last: everything is in it.
    folder: Folder,
}

impl Site {
    /// A folder, a free port, and a key that signs.
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let site = Self {
            store: Store::start(&folder.0),
            folder,
            address: free_address(),
            signer: Signer::new(),
        };
        let keys = KeySet::from_keys(vec![site.signer.public.clone()]);
        std::fs::write(site.folder.0.join("jwks.json"), keys.to_json()).unwrap();
        site
    }

    /// Starts the program; returns when it listens and has its keys.
    pub(crate) async fn start(&self, variables: &[(&str, &str)]) -> Program {
        self.run(
            Command::new(env!("CARGO_BIN_EXE_download-server")),
            variables,
        )
        .await
    }

    /// The same as an unprivileged user, when this one is not; root may read everything.
    pub(crate) async fn start_unprivileged(&self) -> Program {
        let nobody = 65_534;
        let program = self.folder.0.join("download-server");
        std::fs::copy(env!("CARGO_BIN_EXE_download-server"), &program).unwrap();
        let mut command = Command::new(program);
        if rustix::process::geteuid().is_root() {
            command.uid(nobody).gid(nobody);
        }
        self.run(command, &[]).await
    }

    /// The same by a shell that first runs `limits`, such as `ulimit -n 64`.
    pub(crate) async fn start_within(&self, limits: &str) -> Program {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{limits}; exec \"$0\"")])
            .arg(env!("CARGO_BIN_EXE_download-server"));
        self.run(command, &[]).await
    }

    async fn run(&self, mut command: Command, variables: &[(&str, &str)]) -> Program {
        let folder = self.folder.0.display();
        command
            .env_clear()
            .env("DOWNLOAD_LISTEN", self.address.to_string())
            .env("DOWNLOAD_URL", self.url())
            .env("JWKS_FILE", format!("{folder}/jwks.json"))
            .env("FILES_URL", self.store.url())
            .env("LEASE_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
            .env("WORKERS", "2")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let program = Program { child, log };
        program.until_logged("downloads are open").await;
        let keys = async {
            while self.ready().await.1.contains("keys have not been read") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        in_time("keys", keys).await;
        program
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Claims signed now for a file that holds `bytes`, which is in the store from then on.
    pub(crate) fn claims(&self, bytes: &[u8]) -> DownloadToken {
        let (now, key) = (Clock::system().unix_secs(), self.store.put(bytes));
        node::claims(&self.url(), now, key, bytes.len() as u64)
    }

    pub(crate) fn link_of(&self, claims: &DownloadToken) -> String {
        format!("/d/{}", self.signer.sign(claims))
    }

    /// The path of a good token for a file that holds `bytes`.
    pub(crate) fn link(&self, bytes: &[u8]) -> String {
        self.link_of(&self.claims(bytes))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        exchange(self.address, &request("GET", path, headers))
            .await
            .unwrap()
    }

    /// Status and reason of `/readyz`.
    pub(crate) async fn ready(&self) -> (u16, String) {
        let answer = self.get("/readyz").await;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let reason = body["reason"].as_str().unwrap_or_default().to_owned();
        (answer.status, reason)
    }

    /// Waits for a new process's first seconds to pass.
    pub(crate) async fn until_ready(&self) {
        let ready = async {
            while self.ready().await.0 != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        in_time("readiness", ready).await;
    }
}

/// A port below those that the system gives to outgoing connections: nobody takes it while the
/// process that had it is away.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// A running download-server; killed when dropped.
pub(crate) struct Program {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Program {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The system's name for the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`; returns when the process is gone.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::KILL);
        self.status().await;
    }

    /// How it ended.
    pub(crate) async fn status(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        in_time("end", ended).await
    }

    /// True when it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for a log line that contains `text`.
    pub(crate) async fn until_logged(&self, text: &str) {
        let logged = async {
            while !self.has_logged(text) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        in_time(text, logged).await;
    }

    pub(crate) fn has_logged(&self, text: &str) -> bool {
        self.n_logged(text) > 0
    }

    /// How many log lines contain `text`.
    pub(crate) fn n_logged(&self, text: &str) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line.contains(text)).count()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
