//! Figures as a person reads them, in the terminal and in docs/benchmarks.md.

use std::fmt::{self, Write};

/// A table with its targets.
#[derive(Debug)]
pub(crate) struct Section {
    title: String,
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    targets: Vec<Target>,
    notes: Vec<String>,
}

/// What was wanted, and what came.
#[derive(Debug)]
struct Target {
    what: String,
    wanted: Wanted,
    measured: f64,
}

/// A bound of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Section {
    pub(crate) fn new(title: &str, heads: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            heads: heads.iter().map(|head| (*head).to_owned()).collect(),
            rows: Vec::new(),
            targets: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(crate) fn target(&mut self, what: &str, wanted: Wanted, measured: f64) {
        self.targets.push(Target {
            what: what.to_owned(),
            wanted,
            measured,
        });
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    pub(crate) fn n_missed(&self) -> usize {
        self.targets
            .iter()
            .filter(|target| !target.is_met())
            .count()
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!("### {}\n\n", self.title);
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text += &line(&self.heads);
        text += &line(&vec!["---".to_owned(); self.heads.len()]);
        for row in &self.rows {
            text += &line(row);
        }
        text.push('\n');
        for target in &self.targets {
            let _ = writeln!(text, "- {target}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "\n{note}");
        }
        text
    }
}

impl Target {
    fn is_met(&self) -> bool {
        match self.wanted {
            Wanted::AtLeast(bound) => self.measured >= bound,
            Wanted::AtMost(bound) => self.measured <= bound,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, bound) = match self.wanted {
            Wanted::AtLeast(bound) => ("≥", bound),
            Wanted::AtMost(bound) => ("≤", bound),
        };
        let verdict = if self.is_met() { "met" } else { "**missed**" };
        let measured = self.measured;
        write!(
            f,
            "{}: target {sign} {bound}, measured {measured:.2}: {verdict}",
            self.what
        )
    }
}
