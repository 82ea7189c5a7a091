//! What a session costs, beside the least that could be done instead.
//!
//! `make bench-sessions` builds and runs it. Each contestant is this program in a process of its
//! own, with the same number of workers, asked by the same client over the same connections: the
//! shop with its sessions in PostgreSQL, and in Redis; a handler that runs only the shop's query; and
//! one that verifies a signed token and asks nobody.

mod contestants;
#[path = "../download/document.rs"]
mod document;
#[path = "../download/figures.rs"]
mod figures;
mod handlers;
#[path = "../download/client/head.rs"]
mod head;
#[path = "../download/client/many.rs"]
#[expect(dead_code, reason = "deliveries are also measured at a pace")]
mod many;
mod people;
#[path = "../download/servers/process.rs"]
#[expect(dead_code, reason = "deliveries are also measured by their memory")]
mod process;
#[path = "../download/report.rs"]
#[expect(dead_code, reason = "deliveries have upper bounds, too")]
mod report;
#[path = "../download/urgent.rs"]
mod urgent;

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, ValueEnum};

use crate::{
    contestants::Contestant,
    figures::{in_turns, quantile},
    many::{Pace, Requests, run as exchange},
    report::{Section, Wanted},
    urgent::Urgent,
};

/// As in the app-server's own program, and for whoever it is compared with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures sessions, in one run.
#[derive(Debug, Parser)]
#[command(name = "bench-sessions")]
struct Options {
    /// Two short rounds: a look, not a measurement
    #[arg(long)]
    quick: bool,
    /// How often everything is measured, in turns
    #[arg(long, env = "BENCH_ROUNDS")]
    rounds: Option<usize>,
    /// Fail when a target is missed
    #[arg(long)]
    strict: bool,
    /// Put the figures into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// Go before all other work on the machine; only root may
    #[arg(long)]
    urgent: bool,
    /// Said by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
    /// Be one of the servers, in a process of its own
    #[arg(long, hide = true)]
    serve: Option<Role>,
}

/// What a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// The shop, as its environment says
    Shop,
    /// The shop's query and nothing else, and a token's signature and nothing else
    Bare,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.serve {
        Some(Role::Shop) => contestants::serve_shop(),
        Some(Role::Bare) => handlers::serve(),
        None => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-sessions: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Connections that are kept; each asks again as soon as it is answered.
const N_CONNECTIONS: usize = 32;

fn measure(options: &Options) -> anyhow::Result<()> {
    ensure!(
        !(options.quick && options.write),
        "only a whole run is written down"
    );
    let _urgent = options.urgent.then(Urgent::begin).transpose()?;
    let n_rounds = options.rounds.unwrap_or(if options.quick { 2 } else { 9 });
    let n_requests = if options.quick { 10_000 } else { 30_000 };
    let runtime = tokio::runtime::Runtime::new()?;
    let mut all = runtime.block_on(contestants::start())?;
    in_turns(n_rounds, all.len(), |round, n| {
        let contestant = &mut all[n];
        let mut requests = Requests::default();
        for request in contestant.requests.iter().cycle().take(n_requests) {
            requests.push(request);
        }
        let cpu_before = contestant.cpu()?;
        let outcome = exchange(
            contestant.address,
            &requests,
            N_CONNECTIONS,
            Pace::AtOnceAsleep,
        )?;
        if round.is_some() {
            let rate = n_requests as f64 / outcome.elapsed.as_secs_f64();
            contestant.rate.push(rate);
            let cpu = contestant.cpu()? - cpu_before;
            contestant
                .cost
                .push(cpu.as_secs_f64() * 1e6 / n_requests as f64);
            let latency = quantile(&outcome.latencies, 0.99);
            contestant.latency.push(latency.as_secs_f64() * 1e3);
        }
        Ok(())
    })?;
    for contestant in &mut all {
        runtime.block_on(contestant.measure_revocation())?;
    }
    let section = section(&all);
    println!("{}", section.to_markdown());
    if options.write {
        document::write("make bench-sessions", section.to_markdown().trim_end())?;
    }
    ensure!(
        !options.strict || section.n_missed() == 0,
        "a target was missed"
    );
    Ok(())
}

fn section(all: &[Contestant]) -> Section {
    let heads = [
        "32 connections, 100 sessions",
        "requests/s",
        "least–most",
        "× the query alone",
        "its CPU, µs a request",
        "p99, ms",
        "bytes sent along",
        "a revoked one works on for",
    ];
    let mut section = Section::new("What a session costs", &heads);
    let query = all.iter().find(|it| it.is_limit());
    for it in all {
        let (least, most) = it.rate.span();
        let ratio = query.map_or(f64::NAN, |query| it.rate.ratio_to(&query.rate));
        section.row(vec![
            it.name.to_owned(),
            format!("{:.0}", it.rate.median()),
            format!("{least:.0}–{most:.0}"),
            format!("{ratio:.2}"),
            format!("{:.0}", it.cost.median()),
            format!("{:.1}", it.latency.median()),
            it.n_bytes.to_string(),
            it.revoked_for.clone(),
        ]);
        if let Some(bound) = it.bound {
            section.target(
                &format!("{} ÷ the query alone", it.name),
                Wanted::AtLeast(bound),
                ratio,
            );
        }
    }
    section.note(
        "`GET /api/v1/session`, signed in, by two workers each, a log line for each request. With Redis a \
         session comes from there, and its user, with the epoch that decides, still from PostgreSQL: \
         two round trips instead of one. A signed token is quick because nobody is asked, which is \
         also why it cannot be revoked.",
    );
    section
}
