//! A large file that Ada owns, behind a line that can be cut.

use std::{path::PathBuf, time::Duration};

use crate::{
    client::Client,
    cut::{Cut, End, Relay, Then},
    downloads::{LARGE_BYTES, large_file, sha256},
    world::World,
};

/// The shop, the line before its download server, and the buyer.
pub struct LargeSale {
    /// The shop.
    pub world: World,
    /// The line.
    pub line: Relay,
    /// Whose file it is; signed in.
    pub ada: Client,
    /// The file's identifier.
    pub file: String,
}

/// The file's name.
pub const LARGE_NAME: &str = "recording.bin";

/// More than any tool or browser needs for 64 MiB here, several times over.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Half of it, then the end, and from then on a good line.
pub const IN_THE_MIDDLE: Cut = Cut {
    after_bytes: LARGE_BYTES / 2,
    end: End::Finish,
    then: Then::Pass,
};

impl LargeSale {
    /// Ada has bought a product with the one large file.
    pub async fn make() -> Self {
        let line = Relay::start();
        let world = World::behind(&line).await;
        world
            .publish("recording", 900, &[(LARGE_NAME, large_file())])
            .await;
        let ada = world.user("ada").await;
        let file = world.buy(&ada, "recording").await;
        Self {
            world,
            line,
            ada,
            file,
        }
    }

    /// Where the shop hands the file out.
    pub fn address(&self) -> String {
        format!("{}/library/files/{}/download", self.world.url(), self.file)
    }

    /// The digest that the shop shows for the file.
    pub async fn sum(&self) -> String {
        let library = self.ada.get("/api/v1/library").await.json();
        let sum = library["items"][0]["files"][0]["sha256"].as_str();
        let sum = sum.expect("a digest").to_owned();
        assert_eq!(sum, sha256(large_file()));
        sum
    }

    /// Ada's cookies in the file format that download tools share.
    pub fn cookie_file(&self) -> PathBuf {
        let path = self.world.folder.path().join("cookies.txt");
        let mut lines = String::from("# Netscape HTTP Cookie File\n");
        for cookie in self.ada.cookies().split("; ") {
            let (name, value) = cookie.split_once('=').expect("a cookie");
            lines += &format!("localhost\tFALSE\t/\tFALSE\t0\t{name}\t{value}\n");
        }
        std::fs::write(&path, lines).expect("a file");
        path
    }

    /// Ends it, with the search for secrets, those included that came by on the line.
    pub async fn end(self) {
        let secrets = self.line.secrets();
        assert!(!secrets.is_empty(), "nobody asked for the file");
        self.world
            .secrets
            .lock()
            .expect("no panic while noting")
            .extend(secrets);
        self.world.end().await;
    }
}
