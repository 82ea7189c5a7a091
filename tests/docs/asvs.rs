//! docs/ASVS.md misses no requirement, and what it names as evidence exists.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{code_spans, document, rows, workspace};

/// Every requirement that is judged, with its level.
const REQUIREMENTS: &str = include_str!("asvs.txt");

const STATES: &[&str] = &["met", "not applicable", "open"];

/// What a file's name looks like.
const ENDINGS: &[&str] = &[".rs", ".md", ".sql", ".toml", ".lock", ".html"];

#[test]
fn every_requirement_is_judged_once_and_with_evidence_that_exists() {
    let expected: BTreeMap<&str, &str> = REQUIREMENTS
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let mut sources = String::new();
    for folder in ["app-server", "download-server", "shared", "demo", "tests"] {
        read_all(&workspace().join(folder), &mut sources);
    }

    let mut judged = BTreeMap::new();
    for row in rows(&document("docs/ASVS.md")) {
        let [id, level, state, evidence] = row.as_slice() else {
            panic!("a row of {} cells: {row:?}", row.len());
        };
        assert!(
            judged.insert(id.clone(), level.clone()).is_none(),
            "{id} is judged twice"
        );
        assert!(STATES.contains(&state.as_str()), "{id} is {state:?}");
        assert!(!evidence.is_empty(), "{id} says nothing");
        let n_named = n_that_exist(id, evidence, &sources);
        assert!(
            state != "met" || n_named > 0,
            "{id} is met, and nothing shows it"
        );
    }

    let judged: BTreeMap<&str, &str> = judged
        .iter()
        .map(|(id, level)| (id.as_str(), level.as_str()))
        .collect();
    assert_eq!(judged, expected);
}

/// How many files and tests `evidence` names; each must exist.
fn n_that_exist(id: &str, evidence: &str, sources: &str) -> usize {
    let mut n_named = 0;
    for span in code_spans(evidence) {
        if span.contains(' ') {
            continue;
        }
        if ENDINGS.iter().any(|ending| span.ends_with(ending)) || span == "Makefile" {
            let is_there = workspace().join(&span).exists();
            assert!(is_there, "{id} names {span}");
            n_named += 1;
        } else if is_test(&span) {
            let is_there = sources.contains(&format!("fn {span}("));
            assert!(is_there, "{id} names {span}");
            n_named += 1;
        }
    }
    n_named
}

fn is_test(span: &str) -> bool {
    span.matches('_').count() >= 2 && span.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn read_all(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_all(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(&path).expect("a source"));
        }
    }
}
