//! What can be asked of a run.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};

/// Measures deliveries: ours beside nginx, Caddy and the limits of this machine, in one run.
#[derive(Debug, Parser)]
#[command(name = "bench-download")]
pub(crate) struct Options {
    /// Two short rounds: a look, not a measurement
    #[arg(long)]
    pub(crate) quick: bool,
    /// How often everything is measured, in turns
    #[arg(long, env = "BENCH_ROUNDS")]
    rounds: Option<usize>,
    /// Only these cases
    #[arg(long, env = "BENCH_ONLY", value_delimiter = ',')]
    only: Vec<Case>,
    /// Put the figures into docs/benchmarks.md
    #[arg(long)]
    pub(crate) write: bool,
    /// Fail when a target is missed
    #[arg(long)]
    pub(crate) strict: bool,
    /// Go before all other work on the machine; only root may
    #[arg(long)]
    pub(crate) urgent: bool,
    /// Said by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
    /// Be one of the servers that show a limit, in a process of its own
    #[arg(long, hide = true)]
    pub(crate) limit: Option<Limit>,
    /// The file such a server needs
    #[arg(long, hide = true, default_value = "/dev/null")]
    pub(crate) file: PathBuf,
    /// Where it listens
    #[arg(long, hide = true, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}

/// Turns of each in a round of cases that take a second or less.
const TURNS_PER_ROUND: usize = 8;

/// The most rounds of cases that take a minute each.
const LONG_ROUNDS: usize = 3;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// One large file over one connection
    Large,
    /// Small files, each with a fresh token
    Small,
    /// A thousand slow readers
    Slow,
    /// Small files beside a large one that is on the disk
    Cold,
}

/// A server that does no more than must be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Limit {
    /// `sendfile` in a loop
    Sendfile,
    /// One signature verified, an empty answer
    Verification,
    /// The same small answer to everything
    Constant,
}

impl Options {
    pub(crate) fn n_rounds(&self) -> usize {
        let default = if self.quick { 2 } else { 9 };
        self.rounds.unwrap_or(default).max(1)
    }

    /// How often each is measured where a turn is short: the machine's speed changes within seconds,
    /// so many short turns side by side say more than a few long ones.
    pub(crate) fn n_turns(&self) -> usize {
        self.n_rounds() * if self.quick { 1 } else { TURNS_PER_ROUND }
    }

    /// How this run was made, in a sentence.
    pub(crate) fn described(&self) -> String {
        let n_rounds = self.n_rounds();
        let rounds = if n_rounds == 1 { "round" } else { "rounds" };
        let precedence = if self.urgent {
            ", before all other work on the machine (`--urgent`)"
        } else {
            ""
        };
        format!(
            "{n_rounds} {rounds}: {} turns with the large file and with small ones, {} with slow \
             readers and the cold file{precedence}.",
            self.n_turns(),
            self.n_long_rounds()
        )
    }

    /// How often the long cases are measured, whose figures hardly vary.
    pub(crate) fn n_long_rounds(&self) -> usize {
        self.n_rounds()
            .min(if self.quick { 1 } else { LONG_ROUNDS })
    }

    pub(crate) fn wants(&self, case: Case) -> bool {
        self.only.is_empty() || self.only.contains(&case)
    }
}
