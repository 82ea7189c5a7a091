//! A migrated database for each test.
//!
//! One server for the whole process: a private, throwaway cluster, or the one that
//! `TEST_DATABASE_URL` names. One template, migrated once and named by a hash of the migrations;
//! each test gets a clone of it, which costs some 50 ms.
//!
//! The server's administration has a thread of its own, since each test has its own runtime and
//! connections do not outlive theirs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{OnceLock, mpsc},
    thread,
};

use demo::postgres::{cluster::Cluster, programs::find_programs};
use tokio_postgres::{Client, NoTls};
use url::Url;

/// A database of one test's own, dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: &'static Server,
}

impl TestDatabase {
    /// A clone of the migrated template.
    ///
    /// # Panics
    /// When there is no server; the message says how to get one.
    pub async fn create() -> Self {
        // The first caller starts the server: a second, which no other task waits for.
        let server = Server::get();
        let (reply, name) = tokio::sync::oneshot::channel();
        server.order(Job::Create(reply));
        let name = name
            .await
            .expect("the thread that makes databases is alive");
        Self { name, server }
    }

    /// Its address, as `DATABASE_URL` takes it.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection of the caller's own, on the caller's runtime.
    pub async fn client(&self) -> Client {
        connect(&self.url()).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (done, wait) = mpsc::channel();
        self.server.order(Job::Drop(self.name.clone(), done));
        // So that a passing test leaves nothing behind; a thread that died has said why.
        let _ = wait.recv();
    }
}

/// Where the databases are made.
#[derive(Debug)]
struct Server {
    /// Any database's address on it.
    url: Url,
    jobs: tokio::sync::mpsc::UnboundedSender<Job>,
}

#[derive(Debug)]
enum Job {
    Create(tokio::sync::oneshot::Sender<String>),
    Drop(String, mpsc::Sender<()>),
}

impl Server {
    fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    fn start() -> Self {
        let url = match env::var("TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => url,
            _ => private_cluster().url("postgres"),
        };
        let url = Url::parse(&url).expect("TEST_DATABASE_URL is postgresql://user@host/database");
        let (jobs, orders) = tokio::sync::mpsc::unbounded_channel();
        let for_thread = url.clone();
        let administration = move || administer(&for_thread, orders);
        thread::Builder::new()
            .name("test databases".into())
            .spawn(administration)
            .expect("a thread");
        Self { url, jobs }
    }

    fn url(&self, database: &str) -> String {
        with_database(&self.url, database)
    }

    fn order(&self, job: Job) {
        self.jobs
            .send(job)
            .expect("the thread that makes databases is alive");
    }
}

/// The process's own cluster. Statics are never dropped; its watchdog ends it with the process.
fn private_cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let programs = find_programs().unwrap_or_else(|missing| panic!("{missing}"));
        Cluster::throwaway(&programs).expect("a private cluster")
    })
}

fn with_database(url: &Url, database: &str) -> String {
    let mut url = url.clone();
    url.set_path(database);
    url.into()
}

async fn connect(url: &str) -> Client {
    let connected = tokio_postgres::connect(url, NoTls).await;
    let (client, connection) = connected.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    tokio::spawn(async move {
        // Ends with the client, or by force when the database is dropped under it.
        let _ = connection.await;
    });
    client
}

/// Databases are named `claimcheck_<key>_…`, and whoever uses one holds the advisory lock `key`:
/// what nobody holds is left over and may go.
const LEFT_OVER: &str = "
    select datname
      from pg_database
     where datname ~ '^claimcheck_[0-9]{10}_(test|template)'
       and not exists (
           select from pg_locks
            where locktype = 'advisory'
              and classid = 0
              and objid = substr(datname, 12, 10)::bigint::oid)";

#[tokio::main(flavor = "current_thread")]
async fn administer(url: &Url, mut orders: tokio::sync::mpsc::UnboundedReceiver<Job>) {
    let admin = connect(url.as_str()).await;
    let run = uuid::Uuid::new_v4().as_fields().0;
    lock(&admin, run, "").await;

    let migrations = hash_of_migrations();
    // Another run may be making or sweeping the same template.
    admin
        .batch_execute("select pg_advisory_lock(1, 1)")
        .await
        .expect("the lock over all runs");
    lock(&admin, migrations, "_shared").await;
    for row in admin
        .query(LEFT_OVER, &[])
        .await
        .expect("a list of databases")
    {
        let name: &str = row.get(0);
        drop_database(&admin, name).await;
    }
    let template = make_template(&admin, url, migrations).await;
    admin
        .batch_execute("select pg_advisory_unlock(1, 1)")
        .await
        .expect("the lock given back");

    let mut made = 0_u32;
    while let Some(job) = orders.recv().await {
        match job {
            Job::Create(reply) => {
                made += 1;
                let name = format!("claimcheck_{run:010}_test_{made}");
                let create = format!("create database {name} template {template}");
                admin
                    .batch_execute(&create)
                    .await
                    .expect("a clone of the template");
                if let Err(name) = reply.send(name) {
                    drop_database(&admin, &name).await;
                }
            }
            Job::Drop(name, done) => {
                drop_database(&admin, &name).await;
                let _ = done.send(());
            }
        }
    }
}

async fn lock(admin: &Client, key: u32, kind: &str) {
    let lock = format!("select pg_advisory_lock{kind}({key}::bigint)");
    admin.batch_execute(&lock).await.expect("an advisory lock");
}

async fn drop_database(admin: &Client, name: &str) {
    let allow = format!("alter database {name} is_template false");
    let drop = format!("drop database if exists {name} with (force)");
    // Gone already when a test dropped it itself.
    if admin.batch_execute(&allow).await.is_ok() {
        admin
            .batch_execute(&drop)
            .await
            .expect("the database dropped");
    }
}

/// Migrates a new database and gives it its name only then, so that none is ever half done.
async fn make_template(admin: &Client, url: &Url, key: u32) -> String {
    let name = format!("claimcheck_{key:010}_template");
    let exists = admin
        .query_opt("select from pg_database where datname = $1", &[&name])
        .await;
    if exists.expect("a list of databases").is_some() {
        return name;
    }
    let unfinished = format!("{name}_unfinished");
    drop_database(admin, &unfinished).await;
    let create = format!("create database {unfinished} template template0 encoding 'UTF8'");
    admin.batch_execute(&create).await.expect("a new database");
    let migrated = app_server::db::migrate::run(&with_database(url, &unfinished)).await;
    migrated.expect("the migrations");

    for finish in [
        format!("alter database {unfinished} rename to {name}"),
        // Nothing may be connected to what is cloned.
        format!("alter database {name} with is_template true allow_connections false"),
    ] {
        admin
            .batch_execute(&finish)
            .await
            .expect("the template finished");
    }
    name
}

/// Of the names and texts of all migrations, in order.
fn hash_of_migrations() -> u32 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let entries = fs::read_dir(&folder).expect("the folder of migrations");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a migration").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    let mut all = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for file in files {
        all.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        all.update(&fs::read(&file).expect("a migration"));
    }
    let digest = all.finish();
    u32::from_be_bytes(*digest.as_ref().first_chunk().expect("32 bytes"))
}
