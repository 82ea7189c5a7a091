//! docs/api.md, walked with curl.

use std::process::{Command, Output};

use tests::{programs::CURL, world::World};

use crate::{blocks, document};

const BOOK: &str = "Cumulus: a heap. Stratus: a layer. Cirrus: a lock of hair. Nimbus: take an umbrella. \
    Everything else is one of these in a hurry, or two of them at once.\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_api_document_works_as_it_stands() {
    if CURL.find().is_none() {
        return;
    }
    let world = World::start().await;
    world
        .publish("a-guide-to-clouds", 600, &[("clouds.txt", BOOK.as_bytes())])
        .await;

    let walk = walk(&world).await;

    let printed = String::from_utf8_lossy(&walk.stdout);
    let complaints = String::from_utf8_lossy(&walk.stderr);
    assert!(walk.status.success(), "{printed}\n{complaints}");
    for expected in [
        "a-guide-to-clouds contains clouds.txt",
        "clouds.txt: OK",
        "410\nused",
        "resumed: OK",
        "by-header: OK",
        "401\nsigned_out",
    ] {
        assert!(printed.contains(expected), "{expected:?} in {printed}");
    }
    for file in ["clouds.txt", "resumed", "by-header"] {
        let path = world.folder.path().join("api-walk").join(file);
        assert_eq!(std::fs::read_to_string(path).expect("a download"), BOOK);
    }
    world.end().await;
}

/// All blocks in one shell that stops at the first failure, like a person would.
async fn walk(world: &World) -> Output {
    let mut script = "set -euo pipefail\n".to_owned();
    for block in blocks(&document("docs/api.md"), "sh") {
        script.push_str(&block);
        script.push('\n');
    }
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &script])
        .current_dir(world.folder.path())
        .env("APP", world.url())
        // A machine's own habits stay out of it.
        .env("HOME", world.folder.path())
        .env("NO_PROXY", "*");
    let run = tokio::task::spawn_blocking(move || shell.output());
    run.await.expect("no panic").expect("bash runs")
}
