//! docs/benchmarks.md: its text stays, its figures are replaced.

use std::{fs, path::Path};

use anyhow::Context;

const BEGIN: &str = "<!-- figures: written by `make bench-download` -->\n";
const END: &str = "<!-- end of figures -->";

/// Puts `figures` between the document's marks.
pub(crate) fn write(figures: &str) -> anyhow::Result<()> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = tests.with_file_name("docs").join("benchmarks.md");
    let text = fs::read_to_string(&path).context("docs/benchmarks.md")?;
    fs::write(&path, replaced(&text, figures)?)?;
    Ok(())
}

fn replaced(text: &str, figures: &str) -> anyhow::Result<String> {
    let (before, rest) = text
        .split_once(BEGIN)
        .context("no first mark in docs/benchmarks.md")?;
    let (_, after) = rest
        .split_once(END)
        .context("no last mark in docs/benchmarks.md")?;
    Ok(format!("{before}{BEGIN}\n{figures}\n{END}{after}"))
}
