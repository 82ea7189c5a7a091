//! A running private cluster.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::Duration,
};

use tokio_postgres::error::SqlState;

use super::{
    error::{ClusterError, Doing, Result},
    leftovers,
    lifeline::{self, Lifeline},
    place::Place,
    programs::Programs,
    server::{self, Keeping},
};

/// A private PostgreSQL server that this process uses.
///
/// Dropping it lets go of the server, which stops when nobody else uses it. So does the end of
/// the process, whatever ends it.
#[derive(Debug)]
pub struct Cluster {
    place: Place,
    programs: Programs,
    keeping: Keeping,
    socket_directory: PathBuf,
    /// `None` once stopped.
    lifeline: Option<Lifeline>,
    /// Ours when we started it, and another process's when we joined.
    server: Option<Child>,
    watchdog: Option<Child>,
    /// Locked shared for as long as we use the server.
    users: File,
}

impl Cluster {
    /// The cluster kept in `directory`: started, or joined when another process runs it.
    ///
    /// Every commit is on the disk. Where root's stand-in cannot enter `directory`, the data lies
    /// elsewhere and [`Cluster::location`] says where. Blocks until the server takes connections.
    pub fn durable(programs: &Programs, directory: &Path) -> Result<Self> {
        let place = Place::durable(directory)?;
        let starting = lock_file(&place, "starting.lock")?;
        starting
            .lock()
            .doing(|| format!("lock {}", place.root.display()))?;

        let users = lock_file(&place, "users.lock")?;
        users
            .lock_shared()
            .doing(|| format!("lock {}", place.root.display()))?;
        if let Some(cluster) = Self::join(programs, &place, &users)? {
            return Ok(cluster);
        }
        leftovers::stop_orphan(&place)?;
        place.data().check_version(programs, place.account)?;
        if place.data().version().is_none() {
            place.data().make(programs, place.account, true)?;
        }
        Self::start(programs.clone(), place, Keeping::Durable, users)
    }

    /// A new cluster in the system's temporary place, gone with this process.
    ///
    /// It forgets everything when the machine stops: for tests only.
    pub fn throwaway(programs: &Programs) -> Result<Self> {
        let place = Place::temporary(&format!("new-{}", random_name()))?;
        leftovers::sweep(&place);
        let users = lock_file(&place, "users.lock")?;
        users
            .lock_shared()
            .doing(|| format!("lock {}", place.root.display()))?;
        // Only now may another process's sweep find it.
        let place = reveal(&place)?;
        place.data().make(programs, place.account, false)?;
        Self::start(programs.clone(), place, Keeping::Throwaway, users)
    }

    fn join(programs: &Programs, place: &Place, users: &File) -> Result<Option<Self>> {
        let Some(lifeline) = Lifeline::join(&lifeline::path(&place.root))? else {
            return Ok(None);
        };
        let Some(file) = place.data().running().filter(|file| file.ready) else {
            return Ok(None);
        };
        Ok(Some(Self {
            place: place.clone(),
            programs: programs.clone(),
            keeping: Keeping::Durable,
            socket_directory: file.socket_directory,
            lifeline: Some(lifeline),
            server: None,
            watchdog: None,
            users: users.try_clone().doing(|| "use a lock twice".to_owned())?,
        }))
    }

    fn start(programs: Programs, place: Place, keeping: Keeping, users: File) -> Result<Self> {
        let socket_directory = place.socket_directory()?;
        let (mut lifeline, watchdog) = server::watch(&place, keeping)?;
        let mut tries = 3;
        let server = loop {
            tries -= 1;
            match server::start(&programs, &place, keeping, &mut lifeline) {
                // Children of a server that was killed take a moment to notice.
                Err(ClusterError::Program { .. }) if tries > 0 => {
                    thread::sleep(Duration::from_secs(1));
                }
                started => break started?,
            }
        };
        Ok(Self {
            place,
            programs,
            keeping,
            socket_directory,
            lifeline: Some(lifeline),
            server: Some(server),
            watchdog: Some(watchdog),
            users,
        })
    }

    /// Where the cluster lies.
    pub fn location(&self) -> &Path {
        &self.place.root
    }

    /// The address of a database of this cluster, for DATABASE_URL, psql and every driver.
    ///
    /// `database` is a plain name. The user is the cluster's superuser; there is no password.
    pub fn url(&self, database: &str) -> String {
        let directory = self.socket_directory.to_string_lossy();
        format!(
            "postgresql://postgres@{}/{database}",
            percent_encoded(&directory)
        )
    }

    /// Makes a database of this name, unless it is there.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        create_database(&self.url("postgres"), name)
            .await
            .map_err(ClusterError::Database)
    }

    /// The directory of the server's socket.
    pub fn socket_directory(&self) -> &Path {
        &self.socket_directory
    }

    /// The server's process id, while it runs.
    pub fn server_pid(&self) -> Option<u32> {
        self.place.data().running().map(|file| file.pid)
    }

    /// Stops the server at once, as a crash would, and keeps everything else.
    pub fn crash(&mut self) -> Result<()> {
        let Some(pid) = self.server_pid() else {
            return Ok(());
        };
        server::signal(&self.place, "QUIT", pid);
        if !server::wait_until_gone(&self.place, self.server.as_mut()) {
            return Err(ClusterError::Slow("stop"));
        }
        Ok(())
    }

    /// Starts a server again that [`Cluster::crash`] stopped, at the same address.
    pub fn restart(&mut self) -> Result<()> {
        if let Some(lifeline) = &mut self.lifeline {
            let started = server::start(&self.programs, &self.place, self.keeping, lifeline)?;
            self.server = Some(started);
        }
        Ok(())
    }

    /// Lets go of the server and, when nobody else uses it, waits until it has stopped.
    pub fn stop(mut self) -> Result<()> {
        self.release()
    }

    fn release(&mut self) -> Result<()> {
        let Some(lifeline) = self.lifeline.take() else {
            return Ok(());
        };
        // Nobody joins or starts while we find out whether we are the last.
        let starting = lock_file(&self.place, "starting.lock")?;
        starting
            .lock()
            .doing(|| format!("lock {}", self.place.root.display()))?;
        drop(lifeline);
        self.users
            .unlock()
            .doing(|| format!("unlock {}", self.place.root.display()))?;
        if self.users.try_lock().is_err() {
            return Ok(());
        }
        let gone = server::wait_until_gone(&self.place, self.server.as_mut());
        if let Some(mut watchdog) = self.watchdog.take() {
            // It has little left to do: a throwaway directory to remove.
            watchdog
                .wait()
                .doing(|| "wait for the watchdog".to_owned())?;
        }
        if gone {
            Ok(())
        } else {
            Err(ClusterError::Slow("stop"))
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            tracing::warn!(error = %error, "the private PostgreSQL was not stopped in order");
        }
    }
}

async fn create_database(url: &str, name: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let connection = tokio::spawn(connection);
    let made = client
        .batch_execute(&format!("create database \"{name}\""))
        .await;
    drop(client);
    // It ends with the client; what else it says is of no use.
    let _ = connection.await;
    match made {
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) => Ok(()),
        made => made,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no request is served by this thread"
)]
fn reveal(place: &Place) -> Result<Place> {
    let name = place.root.to_string_lossy().replace("-new-", "-");
    let root = PathBuf::from(name);
    std::fs::rename(&place.root, &root).doing(|| format!("rename {}", place.root.display()))?;
    Ok(Place {
        root,
        account: place.account,
    })
}

fn lock_file(place: &Place, name: &str) -> Result<File> {
    let path = place.root.join(name);
    let mut options = File::options();
    options.create(true).truncate(false).write(true).read(true);
    options
        .open(&path)
        .doing(|| format!("open {}", path.display()))
}

/// Eight random bytes in hex, so that two processes never meet in one directory.
fn random_name() -> String {
    let mut bytes = [0; 8];
    // Cannot fail once the generator is seeded, which its first use does.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    format!("{:016x}", u64::from_ne_bytes(bytes))
}

/// A unix socket's directory as the host of a URL.
fn percent_encoded(path: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}
