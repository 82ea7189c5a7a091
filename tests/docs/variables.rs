//! Every variable is documented with its unit and default, and no other is.

use std::collections::BTreeSet;

use shared::settings::Variable;

use crate::{document, rows};

/// What neither server reads: the log's filter, the runtime's backtraces, the demo's and the tests'
/// own.
const ELSEWHERE: &[&str] = &[
    "RUST_LOG",
    "RUST_BACKTRACE",
    "DEMO_DIR",
    "CLAIMCHECK_PG_BIN",
    "TEST_DATABASE_URL",
    "REQUIRE_TOOLS",
];

fn variables() -> Vec<&'static Variable> {
    let app = app_server::config::VARIABLES.iter();
    app.chain(download_server::config::variables::VARIABLES)
        .collect()
}

/// The first names of table rows that are written like variables.
fn documented(document: &str) -> Vec<(String, Vec<String>)> {
    let named = |row: Vec<String>| {
        let name = row
            .first()?
            .strip_prefix('`')?
            .strip_suffix('`')?
            .to_owned();
        is_name(&name).then_some((name, row))
    };
    rows(document).into_iter().filter_map(named).collect()
}

fn is_name(text: &str) -> bool {
    text.len() > 3
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

#[test]
fn the_operators_manual_has_every_variable_with_its_unit_and_default() {
    let documented = documented(&document("docs/operating.md"));
    for variable in variables() {
        let row = documented.iter().find(|(name, row)| {
            let default = row.get(2).map(|cell| cell.replace(['`', ','], ""));
            let value = row.get(1).map(|cell| cell.replace('`', ""));
            name == variable.name
                && (variable.default.is_empty() || default.as_deref() == Some(variable.default))
                && (variable.value.is_empty() || value.as_deref() == Some(variable.value))
        });
        assert!(
            row.is_some(),
            "docs/operating.md: a row `{}` | {} | {}",
            variable.name,
            variable.value,
            variable.default
        );
    }
}

#[test]
fn the_operators_manual_has_no_variable_that_nobody_reads() {
    for (name, _) in documented(&document("docs/operating.md")) {
        assert!(is_read(&name), "docs/operating.md: {name}");
    }
}

#[test]
fn the_sample_environment_has_exactly_the_variables_that_are_read() {
    let sample = document(".env.example");
    let assigned = sample.lines().filter_map(|line| {
        let (name, _) = line.trim_start_matches(['#', ' ']).split_once('=')?;
        is_name(name).then_some(name)
    });
    let assigned: BTreeSet<&str> = assigned.collect();
    for variable in variables() {
        let file = format!("{}_FILE", variable.name);
        let there =
            assigned.contains(variable.name) || variable.secret && assigned.contains(file.as_str());
        assert!(there, ".env.example: {}", variable.name);
    }
    for name in assigned {
        assert!(is_read(name), ".env.example: {name}");
    }
}

fn is_read(name: &str) -> bool {
    let secret = name.strip_suffix("_FILE").unwrap_or_default();
    let by_a_server =
        |variable: &&Variable| variable.name == name || variable.secret && variable.name == secret;
    variables().iter().any(by_a_server) || ELSEWHERE.contains(&name)
}
