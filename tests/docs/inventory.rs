//! The inventories of docs/security.md: cryptography, and what is linked.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tests::programs::JQ;

use crate::{code_spans, document, workspace};

/// What only cryptography is imported from.
const CRYPTOGRAPHY: &[&str] = &[
    "aws_lc_rs::",
    "argon2::",
    "totp_rs::",
    "rustls::",
    "ed25519",
];

/// What nobody should be tempted by: broken hashes, modes without authentication, old padding.
const FORBIDDEN: &[&str] = &[
    "md5::",
    "Md5",
    "sha1::",
    "SHA1_FOR_LEGACY",
    "Ecb",
    "ECB",
    "Cbc",
    "PKCS1",
    "rc4",
];

#[test]
fn cryptography_is_used_where_the_inventory_says_and_nowhere_else() {
    let text = document("docs/security.md");
    let section = text
        .split("\n## Cryptography\n")
        .nth(1)
        .expect("the inventory");
    let section = section.split("\n## ").next().unwrap_or(section);
    let named = code_spans(section);
    let mut sources = Vec::new();
    for folder in ["app-server/src", "download-server/src", "shared/src"] {
        read_all(&workspace().join(folder), &mut sources);
    }
    assert!(sources.len() > 100, "the sources are somewhere else");

    for (path, source) in sources {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for word in FORBIDDEN {
            assert!(!code.contains(word), "{path} has {word}");
        }
        if CRYPTOGRAPHY.iter().any(|word| code.contains(word)) {
            let listed = named.iter().any(|span| {
                path == *span || span.ends_with('/') && path.starts_with(span.as_str())
            });
            assert!(listed, "{path} is not in the inventory of docs/security.md");
        }
    }
}

fn read_all(folder: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_all(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path
                .strip_prefix(workspace())
                .expect("beneath")
                .display()
                .to_string();
            let is_test = name.contains("/tests")
                || name.ends_with("_tests.rs")
                || name.contains("fuzzing")
                || name.contains("vectors");
            if !is_test {
                sources.push((name, fs::read_to_string(&path).expect("a source")));
            }
        }
    }
}

#[test]
fn the_bill_of_materials_names_every_package_that_is_linked() {
    if JQ.find().is_none() {
        return;
    }
    let built = Command::new("make")
        .arg("sbom")
        .current_dir(workspace())
        .output();
    let built = built.expect("make runs");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let text = fs::read_to_string(workspace().join("target/sbom.cdx.json")).expect("a bill");
    let bill: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let components = bill["components"].as_array().expect("components");
    let names: Vec<&str> = components
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    for name in [
        "actix-web",
        "argon2",
        "aws-lc-rs",
        "rustls",
        "tokio-postgres",
        "h2",
    ] {
        assert!(names.contains(&name), "{name} is missing");
    }
    let lock = document("Cargo.lock");
    for component in components {
        let (name, version) = (
            component["name"].as_str().expect("a name"),
            component["version"].as_str().expect("a version"),
        );
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"");
        assert!(lock.contains(&entry), "{name} {version} is not locked");
        assert_eq!(component["purl"], format!("pkg:cargo/{name}@{version}"));
        assert!(component["licenses"][0]["expression"].is_string(), "{name}");
    }
}
