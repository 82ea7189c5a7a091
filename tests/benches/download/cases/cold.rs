//! A large file that must come from a slow disk, and small files beside it.

use std::{
    ffi::c_void,
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    ptr::null_mut,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, ensure};
use rustix::{
    fs::{Advice, fadvise},
    mm::{MapFlags, ProtFlags, mlock, mmap, munmap},
};

use super::Run;
use crate::{
    client::many::{Pace, Requests, run as exchange},
    figures::{Series, quantile},
    report::{Section, Wanted},
    servers::{Server, nginx, ours, with_token},
    slow_disk::{BYTES_PER_SEC, SlowDisk},
    stage::StoredFile,
};

/// Small requests, one after each interval: a load that a server answers with ease.
const INTERVAL: Duration = Duration::from_millis(4);
const N_CONNECTIONS: usize = 16;

/// After so long the large file's reader hangs up: a server that stalls falls behind for good.
const PATIENCE: Duration = Duration::from_secs(10);

/// What Linux reads ahead, and the least that somebody waits for.
const DISK_READ_BYTES: u64 = 128 * 1024;

/// Milliseconds that a small request took.
#[derive(Default)]
struct Latency {
    p50: Series,
    p99: Series,
    most: Series,
}

#[derive(Default)]
struct Figures {
    alone: Latency,
    beside: Latency,
    /// Megabytes a second of the large file.
    large: Series,
}

pub(crate) fn measure(run: &Run) -> anyhow::Result<Section> {
    let heads = [
        "250 small files a second",
        "p50 ms",
        "p99 ms",
        "most ms",
        "the large file, MB/s",
    ];
    let mut section = Section::new("A cold file on a slow disk", &heads);
    let disk = match SlowDisk::beneath(&run.stage.large_path()) {
        Ok(disk) => disk,
        Err(error) => {
            section.note(format!(
                "NOT MEASURED: the disk cannot be slowed down: {error:#}."
            ));
            return Ok(section);
        }
    };
    let _pinned = pin_small_files(run)?;
    let (mut of_ours, mut of_nginx) = (Figures::default(), Figures::default());
    for _ in 0..run.options.n_long_rounds() {
        let nginx = nginx::start(&run.stage, run.cores)?;
        let ask = nginx::plain(nginx.address, "plain");
        of_nginx.watch(run, &disk, &nginx, &ask)?;
        drop(nginx);
        let ours = ours::start(&run.stage, run.cores, &run.signer, "ours", "info")?;
        let ask = with_token(&run.signer, ours.address);
        of_ours.watch(run, &disk, &ours, &ask)?;
    }

    for (name, figures) in [("ours", &of_ours), ("nginx", &of_nginx)] {
        let cells = |latency: &Latency| {
            [&latency.p50, &latency.p99, &latency.most].map(|it| format!("{:.2}", it.median()))
        };
        let [p50, p99, most] = cells(&figures.alone);
        section.row(vec![
            format!("{name}, alone"),
            p50,
            p99,
            most,
            "–".to_owned(),
        ]);
        let [p50, p99, most] = cells(&figures.beside);
        let large = format!("{:.1}", figures.large.median());
        section.row(vec![format!("{name}, beside"), p50, p99, most, large]);
    }
    let read_ms = 1e3 * DISK_READ_BYTES as f64 / BYTES_PER_SEC as f64;
    let p99 = of_ours.beside.p99.median() / read_ms;
    let what = format!("p99 beside ÷ one read of 128 KiB, {read_ms:.0} ms");
    section.target(&what, Wanted::AtMost(0.5), p99);
    section.note(format!(
        "The large file's pages were dropped (`POSIX_FADV_DONTNEED`), and the servers put into a \
         control group whose reads from this disk are held to {} MiB/s; small files are locked in memory. \
         A request's time runs from when it was due. nginx has its defaults: no `aio`.",
        BYTES_PER_SEC >> 20
    ));
    Ok(section)
}

impl Figures {
    fn watch(
        &mut self,
        run: &Run,
        disk: &SlowDisk,
        server: &Server,
        ask: &dyn Fn(&StoredFile) -> String,
    ) -> anyhow::Result<()> {
        let n_requests = if run.options.quick { 1_000 } else { 2_500 };
        let requests = || {
            let mut requests = Requests::default();
            for file in run.stage.small.iter().cycle().take(n_requests) {
                requests.push(&ask(file));
            }
            requests
        };
        let small = |requests| {
            exchange(
                server.address,
                &requests,
                N_CONNECTIONS,
                Pace::Every(INTERVAL),
            )
        };
        small(requests())?;
        self.alone.push(&small(requests())?.latencies);

        let member = disk.slow_down(&server.pids()?)?;
        drop_large(run)?;
        let prepared = requests();
        let large = ColdRead::start(server.address, &ask(&run.stage.large))?;
        let beside = small(prepared)?;
        self.large.push(large.finish()?);
        self.beside.push(&beside.latencies);
        drop(member);
        Ok(())
    }
}

impl Latency {
    fn push(&mut self, sorted: &[Duration]) {
        let ms = |share| quantile(sorted, share).as_secs_f64() * 1e3;
        self.p50.push(ms(0.5));
        self.p99.push(ms(0.99));
        self.most.push(ms(1.0));
    }
}

/// Makes the large file cold, which was written to the disk when it was stored.
fn drop_large(run: &Run) -> anyhow::Result<()> {
    let file = File::open(run.stage.large_path())?;
    file.sync_all()?;
    Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
}

/// Keeps the small files in memory for as long as what is returned lives.
///
/// A machine that gives back memory it does not seem to need forgets one now and then, however
/// often it is read. It would then wait behind all that is read ahead of the large file: 8 MiB
/// where `read_ahead_kb` says so, and that is four seconds of this disk.
fn pin_small_files(run: &Run) -> anyhow::Result<Vec<Mapping>> {
    let folder = run.stage.files();
    let pin = |stored: &StoredFile| {
        let file = File::open(folder.join(stored.path()))?;
        Mapping::locked(&file, usize::try_from(stored.size)?)
    };
    run.stage.small.iter().map(pin).collect()
}

/// A file that is mapped and locked, at this address and of this length.
struct Mapping(*mut c_void, usize);

impl Mapping {
    #[expect(
        unsafe_code,
        reason = "a new mapping of a file, which nothing reads through, and its pages"
    )]
    fn locked(file: &File, len: usize) -> anyhow::Result<Self> {
        let (read, shared) = (ProtFlags::READ, MapFlags::SHARED);
        // SAFETY: the kernel chooses an address where nothing is.
        let start = unsafe { mmap(null_mut(), len, read, shared, file, 0) }?;
        let mapping = Self(start, len);
        // SAFETY: these are the pages of the mapping.
        unsafe { mlock(start, len) }.context("small files cannot be kept in memory")?;
        Ok(mapping)
    }
}

impl Drop for Mapping {
    #[expect(unsafe_code, reason = "the mapping's end")]
    fn drop(&mut self) {
        // SAFETY: mapped by `locked` and by nobody else; no reference into it was ever made.
        let _ = unsafe { munmap(self.0, self.1) };
    }
}

/// Somebody who reads a large file as fast as it comes.
struct ColdRead(JoinHandle<anyhow::Result<f64>>);

impl ColdRead {
    /// Begun when the first bytes have come.
    fn start(address: SocketAddr, request: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request.as_bytes())?;
        let mut buffer = vec![0; 256 * 1024];
        let mut n_bytes = stream.read(&mut buffer)?;
        ensure!(
            buffer.starts_with(b"HTTP/1.1 200"),
            "the large file is refused"
        );
        let started = Instant::now();
        Ok(Self(thread::spawn(move || {
            while started.elapsed() < PATIENCE {
                n_bytes += stream.read(&mut buffer)?;
            }
            Ok(n_bytes as f64 / started.elapsed().as_secs_f64() / 1e6)
        })))
    }

    /// When it has hung up: megabytes a second that came.
    fn finish(self) -> anyhow::Result<f64> {
        let read = self.0.join();
        read.map_err(|_| anyhow!("a reader panicked"))?
    }
}
