//! A browser's folder of downloads, as its user would find it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use aws_lc_rs::digest::{SHA256, digest};

/// The folder.
#[derive(Clone, Debug)]
pub struct Downloads(PathBuf);

impl Downloads {
    /// An empty one in `folder`.
    pub fn inside(folder: &Path) -> Self {
        let folder = folder.join("downloads");
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The names in it, whole and partial files alike.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The digest of a file once it is there under this name and nothing partial is beside it.
    pub fn finished(&self, name: &str) -> Option<String> {
        let partial = |name: &String| {
            [".crdownload", ".part", ".aria2"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        if self.names().iter().any(partial) {
            return None;
        }
        fs::read(self.0.join(name)).ok().map(|file| sha256(&file))
    }
}

/// SHA-256 in lower-case hex, as the shop shows it.
pub fn sha256(content: &[u8]) -> String {
    let digest = digest(&SHA256, content);
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    hex.collect()
}

/// 64 MiB in which no two places are alike, so that a piece in the wrong place shows.
pub fn large_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let n_words = LARGE_BYTES / 8;
        (0..n_words).flat_map(|n| mixed(n).to_le_bytes()).collect()
    })
}

/// How large that is.
pub const LARGE_BYTES: u64 = 64 * 1024 * 1024;

/// SplitMix64: every number to another one.
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
