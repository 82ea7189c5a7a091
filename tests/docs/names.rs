//! Files, folders and tests that the documents name exist.

use std::{fs, path::Path};

use crate::{code_spans, document, workspace};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/api.md",
    "docs/operating.md",
    "docs/benchmarks.md",
    "docs/logging.md",
    "docs/security.md",
    "docs/ASVS.md",
    "migrations/README.md",
];

const FOLDERS: &[&str] = &[
    "app-server/",
    "download-server/",
    "shared/",
    "demo/",
    "tests/",
    "docs/",
    "migrations/",
    ".ci/",
];

#[test]
fn links_between_documents_lead_somewhere() {
    for name in DOCUMENTS {
        let text = document(name);
        let folder = workspace().join(name);
        let folder = folder.parent().expect("a folder");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let target = if file.is_empty() {
                workspace().join(name)
            } else {
                folder.join(file)
            };
            assert!(target.exists(), "{name} links to {link}");
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).expect("a document");
                assert!(
                    headings(&text).any(|found| found == heading),
                    "{name} links to {link}"
                );
            }
        }
    }
}

/// Headings as links name them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            title
                .chars()
                .filter(kept)
                .collect::<String>()
                .replace(' ', "-")
        })
}

#[test]
fn files_that_are_named_exist() {
    for name in DOCUMENTS {
        for span in code_spans(&document(name)) {
            let is_path = FOLDERS.iter().any(|folder| span.starts_with(folder))
                && !span.contains(['*', '<', '{', ' ', '…']);
            if is_path {
                assert!(workspace().join(&span).exists(), "{name} names {span}");
            }
        }
    }
}

#[test]
fn tests_that_the_architecture_names_exist() {
    let mut sources = String::new();
    for folder in ["app-server", "download-server", "shared", "demo", "tests"] {
        read_all(&workspace().join(folder), &mut sources);
    }
    let document = document("ARCHITECTURE.md");
    let is_test = |span: &String| {
        span.matches('_').count() >= 3 && span.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let mut n_named = 0;
    for span in code_spans(&document).into_iter().filter(is_test) {
        assert!(
            sources.contains(&format!("fn {span}(")),
            "ARCHITECTURE.md names {span}"
        );
        n_named += 1;
    }
    assert!(n_named > 10, "the invariants name their tests");
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
