//! The documents say what the programs do: commands are run, tables and names are compared.

mod api_routes;
mod api_walk;
mod asvs;
mod inventory;
mod names;
mod templates;
mod variables;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder that the documents describe.
fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("a workspace around it").to_owned()
}

/// A document's text.
fn document(path: &str) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The content of every fenced block marked with `language`, in order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while lines.by_ref().any(|line| line == opening) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(block.join("\n"));
    }
    blocks
}

/// The cells of every row of every table, without heads and rules.
fn rows(document: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut in_table = false;
    for line in document.lines() {
        if !line.starts_with('|') {
            in_table = false;
        } else if line.starts_with("| ---") {
            in_table = true;
        } else if in_table {
            let line = line.replace("\\|", "\u{0}");
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().replace('\0', "|")).collect());
        }
    }
    rows
}

/// What stands between single backticks, outside of fenced blocks.
fn code_spans(document: &str) -> Vec<String> {
    let mut fenced = false;
    let mut spans = Vec::new();
    for line in document.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    spans
}

#[test]
fn blocks_rows_and_spans_are_found() {
    let text = "`a` b\n```sh\none\ntwo `x`\n```\n```json\n{}\n```\n```sh\nthree\n```\n\
        | head | of |\n| --- | --- |\n| `c` | d\\|e |\n";
    assert_eq!(blocks(text, "sh"), ["one\ntwo `x`", "three"]);
    assert_eq!(rows(text), [["`c`", "d|e"]]);
    assert_eq!(code_spans(text), ["a", "c"]);
}
