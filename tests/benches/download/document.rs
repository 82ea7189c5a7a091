//! docs/benchmarks.md: its text stays, its figures are replaced.

use std::{fs, path::Path};

use anyhow::Context;

const END: &str = "<!-- end of figures -->";

/// Puts `figures` between the document's marks of what `command` measures.
pub(crate) fn write(command: &str, figures: &str) -> anyhow::Result<()> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = tests.with_file_name("docs").join("benchmarks.md");
    let text = fs::read_to_string(&path).context("docs/benchmarks.md")?;
    fs::write(&path, replaced(&text, command, figures)?)?;
    Ok(())
}

fn replaced(text: &str, command: &str, figures: &str) -> anyhow::Result<String> {
    let begin = format!("<!-- figures: written by `{command}` -->\n");
    let (before, rest) = text
        .split_once(&begin)
        .context("no first mark in docs/benchmarks.md")?;
    let (_, after) = rest
        .split_once(END)
        .context("no last mark in docs/benchmarks.md")?;
    Ok(format!("{before}{begin}\n{figures}\n{END}{after}"))
}
