//! The program under a [`Crowd`], while somebody else downloads and its memory is watched.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use shared::{clock::Clock, token::DownloadToken};
use uuid::Uuid;

use crate::{
    crowd::Crowd,
    delivery::large_file,
    program::{Program, Site, free_address},
    wire::{exchange, request},
};

/// Between two looks at the program.
const PAUSE: Duration = Duration::from_millis(500);

/// Longer than any connection may idle.
const PATIENCE: Duration = Duration::from_mins(1);

/// What `/proc/net/sockstat` counts in, where it is not more.
const PAGE_BYTES: u64 = 4_096;

/// A program that is ready, and what is known of it.
pub(crate) struct Siege {
    site: Site,
    program: Program,
    metrics: SocketAddr,
    small: Download,
    large: Download,
}

/// Who comes, and for how long they stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attack {
    pub(crate) n_clients: usize,
    /// Of whom so many begin a delivery and do not read it.
    pub(crate) n_stalled: usize,
    /// Connections that the program is expected to hold.
    pub(crate) n_held: u64,
    pub(crate) lasts: Duration,
}

/// What was seen while they were there.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) n_small: usize,
    pub(crate) n_large: usize,
    slowest_small: Duration,
    /// Half of the time there were at least so many; those whose time is up leave all at once.
    pub(crate) median_connections: u64,
    /// Of the program.
    pub(crate) most_resident_bytes: u64,
    /// Of all sockets of this machine, both ends.
    pub(crate) most_kernel_bytes: u64,
}

/// A file that is downloaded with a fresh token each time.
struct Download {
    content: Vec<u8>,
    claims: DownloadToken,
}

impl Download {
    fn new(site: &Site, content: Vec<u8>) -> Self {
        Self {
            claims: site.claims(&content),
            content,
        }
    }

    fn link(&self, site: &Site) -> String {
        let now = Clock::system().unix_secs();
        site.link_of(&DownloadToken {
            jti: Uuid::new_v4(),
            iat: now,
            exp: now + 120,
            ..self.claims.clone()
        })
    }
}

impl Siege {
    pub(crate) async fn prepare(variables: &[(&str, &str)]) -> Self {
        let (site, metrics) = (Site::new(), free_address());
        let address = metrics.to_string();
        let mut variables = variables.to_vec();
        variables.push(("METRICS_LISTEN", &address));
        let program = site.start(&variables).await;
        site.until_ready().await;
        Self {
            small: Download::new(&site, vec![7; 10 * 1024]),
            large: Download::new(&site, large_file()),
            site,
            program,
            metrics,
        }
    }

    /// Downloads while the crowd is there, and watches; every download must be whole.
    pub(crate) async fn hold(&self, attack: Attack) -> Figures {
        let links: Vec<_> = (0..attack.n_stalled)
            .map(|_| self.large.link(&self.site))
            .collect();
        let crowd = Crowd::send(self.site.address(), attack.n_clients, &links);
        self.until("a crowd", |n_connections| n_connections >= attack.n_held)
            .await;

        let until = Instant::now() + attack.lasts;
        let (small, large, mut figures) = tokio::join!(
            self.download(&self.small, until),
            self.download(&self.large, until),
            self.watch(until)
        );
        (figures.n_small, figures.slowest_small) = small;
        figures.n_large = large.0;
        crowd.leave();
        eprintln!("{attack:?}\n{figures:#?}");
        figures
    }

    /// Downloads a file again and again: how often, and how long the longest took.
    async fn download(&self, file: &Download, until: Instant) -> (usize, Duration) {
        let (mut n_downloads, mut longest) = (0, Duration::ZERO);
        while Instant::now() < until {
            let link = file.link(&self.site);
            let begun = Instant::now();
            let answer = self.site.get(&link).await;
            longest = longest.max(begun.elapsed());
            assert_eq!(answer.status, 200);
            assert!(answer.body == file.content, "another file");
            n_downloads += 1;
        }
        (n_downloads, longest)
    }

    async fn watch(&self, until: Instant) -> Figures {
        let mut figures = Figures {
            n_small: 0,
            n_large: 0,
            slowest_small: Duration::ZERO,
            median_connections: 0,
            most_resident_bytes: 0,
            most_kernel_bytes: 0,
        };
        let mut connections = Vec::new();
        while Instant::now() < until {
            connections.push(self.n_connections().await);
            figures.most_resident_bytes = figures.most_resident_bytes.max(self.resident_bytes());
            figures.most_kernel_bytes = figures.most_kernel_bytes.max(kernel_bytes());
            tokio::time::sleep(PAUSE).await;
        }
        connections.sort_unstable();
        figures.median_connections = connections[connections.len() / 2];
        figures
    }

    /// Waits for the program to notice that everybody has left, and to hold `n_sockets` again.
    pub(crate) async fn until_nobody_is_left(&self, n_sockets: usize) {
        self.until("an end", |n_connections| {
            n_connections == 0 && self.n_sockets() <= n_sockets
        })
        .await;
    }

    async fn until(&self, what: &str, enough: impl Fn(u64) -> bool) {
        let waiting = async {
            while !enough(self.n_connections().await) {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        let (n_connections, n_sockets) = (self.n_connections().await, self.n_sockets());
        assert!(
            waited.is_ok(),
            "no {what}: {n_connections} connections, {n_sockets} sockets"
        );
    }

    async fn n_connections(&self) -> u64 {
        let answer = exchange(self.metrics, &request("GET", "/metrics", &[])).await;
        number_after(
            &answer.unwrap().text(),
            "\nclaimcheck_download_connections ",
        )
    }

    fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(self.of_process("status")).unwrap();
        number_after(&status, "\nVmRSS:") * 1_024
    }

    /// Sockets that the program holds; files it may keep open.
    pub(crate) fn n_sockets(&self) -> usize {
        let descriptors = fs::read_dir(self.of_process("fd")).unwrap();
        let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        targets
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    }

    fn of_process(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.program.id())
    }
}

fn kernel_bytes() -> u64 {
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap();
    let (_, tcp) = sockets.split_once("TCP:").unwrap();
    number_after(tcp, " mem ") * PAGE_BYTES
}

/// The number that follows `name` in `text`.
fn number_after(text: &str, name: &str) -> u64 {
    let (_, after) = text.split_once(name).unwrap();
    after.split_whitespace().next().unwrap().parse().unwrap()
}
