//! A real S3 server: `s3rver`, which keeps its objects as files of a folder.
//!
//! A fork of the npm package of that name, which lets every signature pass. What this one lacks: it
//! knows neither `If-Match` nor `If-None-Match: *` on a PUT, and takes `bytes=0-0` for the whole.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use shared::file_store::{StorageKey, access::BucketAccess};

use crate::{
    programs::{NODE, Running, report_missing},
    shop::Folder,
};

/// Where `make s3rver` puts it.
const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/s3rver/node_modules/@20minutes/s3rver/lib/cli.js"
);

/// Starts it: the package names a program and does not contain it.
const START: &str =
    "require(process.argv[1]).parseAsync(['node', 's3rver', ...process.argv.slice(2)])";

/// What stands before every key.
pub const PREFIX: &str = "shop";

/// A running S3 server, or one that is stopped for a while; its objects go with it.
#[derive(Debug)]
pub struct S3rver {
    node: PathBuf,
    folder: Folder,
    address: SocketAddr,
    running: Option<Running>,
}

impl S3rver {
    /// Starts one on a free port. `None`, said aloud, when it is not installed.
    ///
    /// # Panics
    /// When it is missing where every test must run.
    pub fn start() -> Option<Self> {
        let node = NODE.find()?;
        if !Path::new(PROGRAM).is_file() {
            report_missing("s3rver is missing: make s3rver");
            return None;
        }
        let folder = Folder::new();
        let (running, address) = run(&node, &folder, 0);
        Some(Self {
            node,
            folder,
            address,
            running: Some(running),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it again at the same address, with the same objects.
    pub fn start_again(&mut self) {
        let (running, _) = run(&self.node, &self.folder, self.address.port());
        self.running = Some(running);
    }

    /// What opens its buckets.
    pub fn access(&self) -> BucketAccess {
        BucketAccess {
            access_key_id: Some("S3RVER".to_owned()),
            secret_access_key: Some("S3RVER".into()),
            endpoint: Some(format!("http://{}", self.address).parse().expect("a URL")),
            ..BucketAccess::default()
        }
    }

    /// The folder of a bucket; the bucket is there when the folder is.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.folder.path().join("buckets").join(name)
    }
}

/// The file in which it keeps the object of `key`.
pub fn object(bucket: &Path, key: StorageKey) -> PathBuf {
    let hex = key.to_string();
    let place = format!("{PREFIX}/sha256/{}/{}", &hex[..2], &hex[2..4]);
    bucket.join(place).join(format!("{hex}._S3rver_object"))
}

fn run(node: &Path, folder: &Folder, port: u16) -> (Running, SocketAddr) {
    let buckets = folder.path().join("buckets");
    let arguments = ["-e", START, PROGRAM, "--silent", "-a", "127.0.0.1"];
    let mut arguments = arguments.map(str::to_owned).to_vec();
    arguments.extend(["-d".to_owned(), buckets.display().to_string()]);
    arguments.extend(["-p".to_owned(), port.to_string()]);
    let mut running = Running::start(node, &arguments, Stdio::piped());
    let lines = BufReader::new(running.output()).lines();
    let address = lines.map_while(Result::ok).find_map(|line| {
        let address = line.strip_prefix("S3rver listening on ")?;
        address.parse().ok()
    });
    (running, address.expect("s3rver listens"))
}
