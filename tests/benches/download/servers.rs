//! The servers that are compared, each a process of its own, pinned to one core.

pub(crate) mod caddy;
pub(crate) mod limits;
pub(crate) mod nginx;
pub(crate) mod ours;
pub(crate) mod process;

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tests::programs::Running;

use self::process::Usage;
use crate::{client::connection::Connection, cores::Cores, signer::Signer, stage::StoredFile};

/// A server that has not answered by then will not.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A server that runs until this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    running: Running,
}

impl Server {
    /// Starts `program` on the servers' core and waits until `GET ready` is answered 200.
    ///
    /// Whatever it prints goes to `log`.
    fn start(
        cores: Cores,
        address: SocketAddr,
        command: &[String],
        log: &Path,
        ready: &str,
    ) -> anyhow::Result<Self> {
        let output = Stdio::from(File::create(log).context("no log file")?);
        // Errors go where all else goes; `env` takes variables before the program.
        let mut arguments = ["-c", r#"exec env "$@" 2>&1"#, "sh"]
            .map(str::to_owned)
            .to_vec();
        arguments.extend_from_slice(command);
        let running = cores.as_server(|| Running::start(Path::new("sh"), &arguments, output))?;
        let server = Self { address, running };
        let request = get(address, ready);
        let started = Instant::now();
        loop {
            let answer = Connection::open(address).and_then(|mut it| it.status(request.as_bytes()));
            match answer {
                Ok(200) => return Ok(server),
                answer if started.elapsed() > START_DEADLINE => {
                    let log = std::fs::read_to_string(log).unwrap_or_default();
                    let error = answer.map_or_else(|error| error.to_string(), |it| it.to_string());
                    bail!("does not start: {}: {error}\n{log}", command.join(" "));
                }
                _ => sleep(Duration::from_millis(20)),
            }
        }
    }

    /// What its processes have used so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of_group(self.running.id())
    }

    /// Its processes, the shell that guards them left out.
    pub(crate) fn pids(&self) -> anyhow::Result<Vec<u32>> {
        process::group(self.running.id())
    }
}

/// A request without a body.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n")
}

/// An address nobody listens on.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The path of a program that `make bench-download` installs.
pub(crate) fn installed(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian puts servers where only root looks.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut places = folders.map(|folder| folder.join(name));
    places
        .find(|place| place.is_file())
        .with_context(|| format!("{name} is missing: apt-get install {package}"))
}

/// Asks our server, with a token for that file that nobody has used.
pub(crate) fn with_token<'a>(
    signer: &'a Signer,
    address: SocketAddr,
) -> impl Fn(&StoredFile) -> String + 'a {
    let audience = format!("http://{address}");
    move |file| get(address, &format!("/d/{}", signer.token(file, &audience)))
}
