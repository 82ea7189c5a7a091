//! Deliveries measured: ours beside nginx, Caddy, and what this machine allows.
//!
//! `make bench-download` builds and runs it. Each server is a process of its own with one worker
//! on one core, the client is this process on the other. All are measured in turns, round after
//! round, so that what else the machine does meets everybody; ratios are taken within a round.

mod cases;
mod client;
mod cores;
mod document;
mod figures;
mod limit;
mod machine;
mod options;
mod report;
mod servers;
mod signer;
mod slow_disk;
mod stage;
mod urgent;

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, ValueEnum};

use crate::{
    cases::{Run, cold, large, slow, small},
    cores::Cores,
    options::{Case, Options},
    report::Section,
    signer::Signer,
    stage::Stage,
    urgent::Urgent,
};

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.limit {
        Some(limit) => limit::serve(limit, &options).map(|()| 0),
        None => measure(options),
    };
    match done {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench-download: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what was asked for; how many targets were missed, when that matters.
fn measure(options: Options) -> anyhow::Result<usize> {
    let whole = !options.quick && Case::value_variants().iter().all(|it| options.wants(*it));
    ensure!(whole || !options.write, "only a whole run is written down");
    let mut figures = format!("{} {}", machine::described(), options.described());
    println!("{figures}\n");
    let cores = Cores::choose()?;
    cores.be_client()?;
    let _urgent = options.urgent.then(Urgent::begin).transpose()?;
    let stage = Stage::build()?;
    let signer = Signer::new(&stage.folder)?;
    let run = Run {
        options,
        stage,
        signer,
        cores,
    };
    if !run.cores.are_two() {
        println!("There is one core only: the client takes from every server what it needs.\n");
    }
    let mut n_missed = 0;
    for case in Case::value_variants() {
        if run.options.wants(*case) {
            let section = run.measure(*case)?;
            n_missed += section.n_missed();
            println!("{}", section.to_markdown());
            figures += &format!("\n\n{}", section.to_markdown().trim_end());
        }
    }
    if run.options.write {
        document::write("make bench-download", &figures)?;
    }
    Ok(if run.options.strict { n_missed } else { 0 })
}

impl Run {
    fn measure(&self, case: Case) -> anyhow::Result<Section> {
        match case {
            Case::Large => large::measure(self),
            Case::Small => small::measure(self),
            Case::Slow => slow::measure(self),
            Case::Cold => cold::measure(self),
        }
    }
}
