//! One large file from memory over one connection: speed, and what it costs.

use std::time::Instant;

use super::Run;
use crate::{
    client::connection::Connection,
    figures::{Series, in_turns},
    options::Limit,
    report::{Section, Wanted},
    servers::{Server, caddy, limits, nginx, ours, with_token},
    stage::LARGE_BYTES,
};

/// Bytes sent by one call, and bytes that may wait unsent in the socket (0: no such bound).
const VARIANTS: &[(usize, u32)] = &[
    (64 << 10, 64 << 10),
    (128 << 10, 64 << 10),
    (128 << 10, 128 << 10),
    (256 << 10, 128 << 10),
    (128 << 10, 0),
    (2 << 20, 0),
];

struct Contestant<'a> {
    name: String,
    server: &'a Server,
    request: Box<dyn Fn() -> String + 'a>,
    /// Gigabytes (10^9) a second.
    speed: Series,
    /// Processor seconds for 2^30 bytes.
    cost: Series,
}

pub(crate) fn measure(run: &Run) -> anyhow::Result<Section> {
    let (stage, file) = (&run.stage, &run.stage.large);
    let nginx = nginx::start(stage, run.cores)?;
    let caddy = caddy::start(stage, run.cores)?;
    let ours = ours::start(stage, run.cores, &run.signer, "ours", "info")?;
    let limit = limits::start(stage, run.cores, Limit::Sendfile, &stage.large_path())?;

    let mut all: Vec<Contestant> = Vec::new();
    let mut add = |name: String, server, request| {
        all.push(Contestant {
            name,
            server,
            request,
            speed: Series::default(),
            cost: Series::default(),
        });
    };
    let (plain, tuned) = ("plain", "tuned");
    let ask = nginx::plain(nginx.address, plain);
    add("nginx".to_owned(), &nginx, Box::new(move || ask(file)));
    let ask = nginx::plain(nginx.address, tuned);
    add(
        "nginx, tuned".to_owned(),
        &nginx,
        Box::new(move || ask(file)),
    );
    let ask = caddy::plain(caddy.address);
    add("Caddy".to_owned(), &caddy, Box::new(move || ask(file)));
    let ask = with_token(&run.signer, ours.address);
    add("ours".to_owned(), &ours, Box::new(move || ask(file)));
    for &(chunk, lowat) in VARIANTS {
        let request = limits::sendfile(limit.address, chunk, lowat);
        let name = format!("bare `sendfile`, {}", described(chunk, lowat));
        add(name, &limit, Box::new(move || request.clone()));
    }

    in_turns(run.options.n_turns(), all.len(), |round, n| {
        let contestant = &mut all[n];
        let (speed, cost) = contestant.fetch()?;
        if round.is_some() {
            contestant.speed.push(speed);
            contestant.cost.push(cost);
        }
        Ok(())
    })?;
    Ok(section(&all))
}

impl Contestant<'_> {
    /// Fetches the file over a connection of its own; speed and cost.
    ///
    /// How quick the kernel finds a connection to be differs from one to the next by a third and
    /// more, and stays with it: so each turn has a new one.
    fn fetch(&self) -> anyhow::Result<(f64, f64)> {
        let mut connection = Connection::open(self.server.address)?;
        let cpu_before = self.server.usage()?.cpu;
        let started = Instant::now();
        let n_bytes = connection.get((self.request)().as_bytes())?;
        let elapsed = started.elapsed();
        let cpu = self.server.usage()?.cpu - cpu_before;
        anyhow::ensure!(n_bytes == LARGE_BYTES, "{n_bytes} bytes");
        let speed = n_bytes as f64 / elapsed.as_secs_f64() / 1e9;
        Ok((speed, cpu.as_secs_f64()))
    }
}

fn section(all: &[Contestant]) -> Section {
    let [nginx, _, _, ours, limits @ ..] = all else {
        unreachable!("they were added above")
    };
    let quicker =
        |a: &&Contestant, b: &&Contestant| f64::total_cmp(&a.speed.median(), &b.speed.median());
    let Some(limit) = limits.iter().max_by(quicker) else {
        unreachable!("there are variants")
    };
    let heads = [
        "1 GiB, one connection",
        "GB/s",
        "least–most",
        "× nginx",
        "× the limit",
        "CPU s/GiB",
        "CPU × nginx",
    ];
    let mut section = Section::new("A large file from memory", &heads);
    for it in all {
        let (least, most) = it.speed.span();
        let is_limit = std::ptr::eq(it, limit);
        section.row(vec![
            format!("{}{}", it.name, if is_limit { " (the limit)" } else { "" }),
            format!("{:.2}", it.speed.median()),
            format!("{least:.2}–{most:.2}"),
            format!("{:.2}", it.speed.ratio_to(&nginx.speed)),
            format!("{:.2}", it.speed.ratio_to(&limit.speed)),
            format!("{:.3}", it.cost.median()),
            format!("{:.2}", it.cost.ratio_to(&nginx.cost)),
        ]);
    }
    let speed = |other: &Contestant| ours.speed.ratio_to(&other.speed);
    section.target("speed ÷ nginx's", Wanted::AtLeast(1.25), speed(nginx));
    let cost = ours.cost.ratio_to(&nginx.cost);
    section.target("CPU per GiB ÷ nginx's", Wanted::AtMost(1.0), cost);
    section.target("speed ÷ the limit's", Wanted::AtLeast(0.85), speed(limit));
    section
}

fn described(chunk: usize, lowat: u32) -> String {
    let lowat = match lowat {
        0 => "no bound".to_owned(),
        lowat => format!("{} KiB unsent", lowat >> 10),
    };
    format!("{} KiB a call, {lowat}", chunk >> 10)
}
