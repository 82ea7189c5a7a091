//! The private PostgreSQL: found, kept, shared, and gone when nobody uses it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and may block"
)]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use demo::postgres::{
    cluster::Cluster,
    programs::{Programs, SearchPlaces, find_programs},
};
use tokio_postgres::NoTls;

/// A directory of this test's own, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("claimcheck-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn programs() -> Programs {
    find_programs().unwrap_or_else(|missing| panic!("{missing}"))
}

#[tokio::main(flavor = "current_thread")]
async fn query(url: &str, sql: &str) -> Option<String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let rows = client.simple_query(sql).await.unwrap();
    let text = rows.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    drop(client);
    connection.await.unwrap().unwrap();
    text
}

fn runs(pid: u32) -> bool {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

/// By their command lines.
#[cfg(target_os = "linux")]
fn processes_that_name(path: &Path) -> Vec<u32> {
    let name = path.display().to_string();
    let pids = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            String::from_utf8_lossy(&command)
                .contains(&name)
                .then_some(pid)
        });
    pids.collect()
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "not within 30 s: {what}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

const ROLE: &str = "CLAIMCHECK_TEST_ROLE";

/// Not a claim: what the processes that the tests below start do.
#[test]
fn a_process_that_uses_a_cluster() {
    let Some(role) = env::var_os(ROLE) else {
        return;
    };
    let role = role.into_string().unwrap();
    let cluster = match role.strip_prefix("durable ") {
        Some(directory) => Cluster::durable(&programs(), Path::new(directory)),
        None => Cluster::throwaway(&programs()),
    };
    let cluster = cluster.expect("a cluster");
    let pid = cluster.server_pid().unwrap();
    eprintln!(
        "ready {pid} {} {}",
        cluster.url("postgres"),
        cluster.location().display()
    );
    // Until killed, or told to end.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    if line == "stop\n" {
        cluster.stop().unwrap();
    } else {
        std::mem::forget(cluster);
    }
}

/// Another process with a cluster.
struct Other {
    process: Child,
    server: u32,
    url: String,
    location: PathBuf,
}

impl Other {
    fn start(role: &str) -> Self {
        let process = Self::spawn(role);
        Self::wait(process)
    }

    fn spawn(role: &str) -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "a_process_that_uses_a_cluster", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn wait(mut process: Child) -> Self {
        let output = BufReader::new(process.stderr.take().unwrap());
        let mut said = String::new();
        for line in output.lines() {
            let line = line.unwrap();
            if let Some(ready) = line.strip_prefix("ready ") {
                let words: Vec<&str> = ready.split(' ').collect();
                let [server, url, location] = words[..] else {
                    panic!("{line}")
                };
                return Self {
                    process,
                    server: server.parse().unwrap(),
                    url: url.to_owned(),
                    location: location.into(),
                };
            }
            said.push_str(&line);
        }
        panic!("the process ended: {said}");
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn end(mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

#[test]
fn a_killed_process_takes_its_cluster_along() {
    let other = Other::start("throwaway");
    let (server, location) = (other.server, other.location.clone());
    assert!(runs(server) && location.exists());

    other.kill();

    eventually("the server is gone", || !runs(server));
    eventually("its directory is gone", || !location.exists());
}

#[test]
fn a_process_that_ends_without_a_word_takes_its_cluster_along() {
    let other = Other::start("throwaway");
    let (server, location) = (other.server, other.location.clone());

    other.end();

    eventually("the server is gone", || !runs(server));
    eventually("its directory is gone", || !location.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_killed_with_its_watchdog_is_swept_at_the_next_start() {
    let other = Other::start("throwaway");
    let (server, location) = (other.server, other.location.clone());
    for pid in processes_that_name(&location)
        .into_iter()
        .filter(|pid| *pid != server)
    {
        Command::new("/bin/sh")
            .args(["-c", &format!("kill -KILL {pid}")])
            .status()
            .unwrap();
    }
    assert!(runs(server) && location.exists());
    other.kill();

    let next = Cluster::throwaway(&programs()).unwrap();

    // Another test's cluster may be starting too, and be at it already.
    eventually("the server is gone", || !runs(server));
    eventually("its directory is gone", || !location.exists());
    next.stop().unwrap();
}

#[test]
fn a_durable_cluster_keeps_what_was_committed_before_a_kill() {
    let directory = Directory::new("kept");
    let role = format!("durable {}", directory.0.display());
    let first = Other::start(&role);
    query(&first.url, "create table kept as select 'Ärger' as word");
    first.kill();

    // At once, while the watchdog may still be at work.
    let second = Cluster::durable(&programs(), &directory.0).unwrap();
    let word = query(&second.url("postgres"), "select lower(word) from kept");

    assert_eq!(word.as_deref(), Some("ärger"));
    second.stop().unwrap();
    assert!(directory.0.join("data/PG_VERSION").exists());
}

#[test]
fn processes_that_start_the_same_cluster_at_once_share_it() {
    let directory = Directory::new("shared");
    let role = format!("durable {}", directory.0.display());
    let started = [
        Other::spawn(&role),
        Other::spawn(&role),
        Other::spawn(&role),
    ];
    let [first, second, third] = started.map(Other::wait);
    assert_eq!((first.server, first.server), (second.server, third.server));
    assert_eq!(first.url, second.url);

    // Whoever started it is not needed by the others.
    first.kill();
    second.end();
    assert_eq!(query(&third.url, "select 1").as_deref(), Some("1"));
    let server = third.server;
    assert!(runs(server));

    third.kill();
    eventually("the server is gone", || !runs(server));
}

#[test]
fn the_last_to_stop_waits_for_the_server_and_others_do_not_stop_it() {
    let directory = Directory::new("stopped");
    let first = Cluster::durable(&programs(), &directory.0).unwrap();
    let second = Cluster::durable(&programs(), &directory.0).unwrap();
    let server = second.server_pid().unwrap();

    first.stop().unwrap();
    assert!(runs(server), "somebody still uses it");
    assert_eq!(
        query(&second.url("postgres"), "select 1").as_deref(),
        Some("1")
    );
    second.stop().unwrap();
    assert!(!directory.0.join("data/postmaster.pid").exists());
}

#[test]
fn a_crashed_server_comes_back_at_the_same_address() {
    let mut cluster = Cluster::throwaway(&programs()).unwrap();
    let url = cluster.url("postgres");
    query(&url, "create table kept as select 1 as one");

    cluster.crash().unwrap();
    assert_eq!(cluster.server_pid(), None);
    cluster.restart().unwrap();

    assert_eq!(query(&url, "select one from kept").as_deref(), Some("1"));
    let location = cluster.location().to_owned();
    cluster.stop().unwrap();
    assert!(!location.exists());
}

#[test]
fn a_path_too_long_for_a_socket_and_full_of_odd_letters_serves() {
    let directory = Directory::new("long");
    let deep = directory.0.join("a shop's träume, 100 %/".repeat(5));
    let cluster = Cluster::durable(&programs(), &deep).unwrap();

    assert_eq!(
        query(&cluster.url("postgres"), "select 1").as_deref(),
        Some("1")
    );
    let socket = cluster.socket_directory().to_owned();
    assert!(socket.as_os_str().len() < 90, "{}", socket.display());
    cluster.stop().unwrap();
    let _ = fs::remove_dir(socket);
}

#[test]
fn data_of_another_version_is_refused_with_the_way_out() {
    let directory = Directory::new("old");
    Cluster::durable(&programs(), &directory.0)
        .unwrap()
        .stop()
        .unwrap();
    fs::write(directory.0.join("data/PG_VERSION"), "9\n").unwrap();

    let refused = Cluster::durable(&programs(), &directory.0)
        .unwrap_err()
        .to_string();

    assert!(refused.contains("made by PostgreSQL 9"), "{refused}");
    assert!(refused.contains("CLAIMCHECK_PG_BIN"), "{refused}");
}

#[test]
fn missing_programs_are_answered_with_the_commands_that_mend_it() {
    let nowhere = SearchPlaces {
        named: None,
        path: None,
        versioned: Vec::new(),
    };
    let missing = nowhere.search().unwrap_err().to_string();
    assert!(missing.contains("apt-get install postgresql"), "{missing}");
    assert!(missing.contains("CLAIMCHECK_PG_BIN"), "{missing}");

    let wrong = SearchPlaces {
        named: Some("/nowhere".into()),
        ..SearchPlaces::of_this_machine()
    };
    let missing = wrong.search().unwrap_err().to_string();
    assert!(
        missing.contains("CLAIMCHECK_PG_BIN is /nowhere"),
        "{missing}"
    );
}

#[test]
fn the_highest_version_is_chosen_and_an_incomplete_one_is_not() {
    let directory = Directory::new("versions");
    for (version, names) in [
        ("9", &["initdb", "postgres"][..]),
        ("15", &["initdb", "postgres"]),
        ("16", &["postgres"]),
        ("lost+found", &["initdb", "postgres"]),
    ] {
        let bin = directory.0.join(version).join("bin");
        fs::create_dir_all(&bin).unwrap();
        for name in names {
            fs::write(bin.join(name), "").unwrap();
        }
    }

    let places = SearchPlaces {
        named: None,
        path: None,
        versioned: vec![directory.0.clone()],
    };
    let found = places.search().unwrap();

    assert_eq!(
        found.directory(),
        directory.0.join("15/bin").canonicalize().unwrap()
    );
}
