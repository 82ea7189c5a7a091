//! A thousand slow readers of a large file: what they make the server, and the kernel, keep.

use std::{
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Context;

use super::Run;
use crate::{
    client::slow::SlowReaders,
    figures::Series,
    report::{Section, Wanted},
    servers::{Server, nginx, ours, process::kilobytes, with_token},
    stage::StoredFile,
};

const N_READERS: usize = 1_000;

/// After so long the buffers are as full as they get.
const SECS: u32 = 25;

/// Memory in MiB, with a thousand readers.
#[derive(Default)]
struct Memory {
    rss: Series,
    pss: Series,
    /// What TCP holds more than before, at both ends: the readers are on this machine, too.
    tcp: Series,
    /// Kilobytes (10^3) a second that came to each reader.
    speed: Series,
}

pub(crate) fn measure(run: &Run) -> anyhow::Result<Section> {
    let (mut of_ours, mut of_nginx) = (Memory::default(), Memory::default());
    for _ in 0..run.options.n_long_rounds() {
        let nginx = nginx::start(&run.stage, run.cores)?;
        let ask = nginx::plain(nginx.address, "plain");
        of_nginx.watch(run, &nginx, &ask)?;
        drop(nginx);
        let ours = ours::start(&run.stage, run.cores, &run.signer, "ours", "info")?;
        let ask = with_token(&run.signer, ours.address);
        of_ours.watch(run, &ours, &ask)?;
    }

    let heads = [
        "1,000 readers at 10 KB/s",
        "resident MiB",
        "proportional MiB",
        "kernel TCP MiB",
        "KB/s each",
    ];
    let mut section = Section::new("Slow readers", &heads);
    for (name, memory) in [("ours", &of_ours), ("nginx", &of_nginx)] {
        let mebibytes = [&memory.rss, &memory.pss, &memory.tcp];
        let mut row = vec![name.to_owned()];
        row.extend(mebibytes.map(|it| format!("{:.0}", it.median())));
        row.push(format!("{:.1}", memory.speed.median()));
        section.row(row);
    }
    section.target("resident MiB", Wanted::AtMost(200.0), of_ours.rss.median());
    section.target(
        "kernel TCP MiB, both ends",
        Wanted::AtMost(400.0),
        of_ours.tcp.median(),
    );
    section.note(format!(
        "After {SECS} s. TCP memory is `mem` of `/proc/net/sockstat` less what it was before, for \
         servers and readers together, since both are on this machine; the readers' buffers are of \
         the kernel's choice, their segments those of an Ethernet. Of nginx, master and worker count."
    ));
    Ok(section)
}

impl Memory {
    fn watch(
        &mut self,
        run: &Run,
        server: &Server,
        ask: &dyn Fn(&StoredFile) -> String,
    ) -> anyhow::Result<()> {
        settle()?;
        let before = tcp_bytes()?;
        let requests: Vec<String> = (0..N_READERS).map(|_| ask(&run.stage.large)).collect();
        let mut readers = SlowReaders::ask(server.address, &requests)?;
        let bytes_per_sec = readers.read_for(SECS)?;
        self.speed.push(bytes_per_sec / 1e3);
        let (usage, tcp) = (server.usage()?, tcp_bytes()?);
        self.rss.push(mebibytes(usage.rss_bytes));
        self.pss.push(mebibytes(usage.pss_bytes));
        self.tcp.push(mebibytes(tcp.saturating_sub(before)));
        Ok(())
    }
}

/// Waits until what earlier connections held is given back, or for three seconds.
fn settle() -> anyhow::Result<()> {
    let started = Instant::now();
    while tcp_bytes()? > 16 << 20 && started.elapsed() < Duration::from_secs(3) {
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// What TCP holds of the machine's memory.
fn tcp_bytes() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/net/sockstat")?;
    let line = text.lines().find(|line| line.starts_with("TCP:"));
    let pages = line.and_then(|line| line.split_once(" mem "));
    let (_, pages) = pages.context("no TCP memory in sockstat")?;
    let page = kilobytes(Path::new("/proc/self/smaps"), "KernelPageSize:")? << 10;
    Ok(pages.trim().parse::<u64>()? * page)
}

fn mebibytes(n_bytes: u64) -> f64 {
    n_bytes as f64 / f64::from(1 << 20)
}
