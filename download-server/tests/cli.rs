//! The program as an operator meets it: help, mistakes, a start and a stop.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

use download_server::config::variables::VARIABLES;
use rustix::process::{Pid, Signal, kill_process};

/// The program with nothing of this test's environment.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_download-server"));
    command.env_clear();
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn help_names_every_variable_and_its_default() {
    for arguments in [&["--help"][..], &["serve", "--help"]] {
        let output = program().args(arguments).output().unwrap();
        let help = String::from_utf8_lossy(&output.stdout);

        assert_eq!(output.status.code(), Some(0));
        for variable in VARIABLES {
            assert!(
                help.contains(variable.name),
                "{} is missing from {help}",
                variable.name
            );
            assert!(
                help.contains(variable.default),
                "default of {}",
                variable.name
            );
        }
    }
}

#[test]
fn every_mistake_is_named_at_once() {
    let output = program()
        .args(["serve", "--workers", "none", "--no-such-flag", "x"])
        .env(
            "DOWNLOAD_URL",
            "https://files.example/a-prefix-that-is-too-long",
        )
        .env("DOWNLOAD_LISTN", "127.0.0.1:1")
        .env("JWKS_FILES", "x")
        .env("ISSUER", "http://shop.example")
        .env("FILES_URL", "/srv/files")
        .env("MAX_CLOCK_SKEW_SECS", "-1")
        .env("TRUSTED_PROXIES", "10.0.0.0/8, ten")
        .env("DRAIN_SECS", "soon")
        .output()
        .unwrap();
    let message = stderr(&output);

    assert_eq!(output.status.code(), Some(2), "{message}");
    for name in [
        "--no-such-flag",
        "WORKERS",
        "DOWNLOAD_URL",
        "DOWNLOAD_LISTN",
        "JWKS_FILES",
        "ISSUER",
        "FILES_URL",
        "LEASE_KEY",
        "MAX_CLOCK_SKEW_SECS",
        "TRUSTED_PROXIES",
        "DRAIN_SECS",
    ] {
        assert!(message.contains(name), "{name} is missing from {message}");
    }
}

#[test]
fn a_bucket_that_nothing_opens_is_a_mistake() {
    let output = program()
        .env("FILES_URL", "s3://files/shop")
        .env("AWS_ENDPOINT_URL", "http://s3.example")
        .env("AWS_SESSION_TOKEN", "ephemeral")
        .output()
        .unwrap();
    let message = stderr(&output);

    assert_eq!(output.status.code(), Some(2), "{message}");
    let expected: &[&str] = if cfg!(feature = "s3") {
        &[
            "AWS_ACCESS_KEY_ID: required",
            "AWS_SECRET_ACCESS_KEY: required",
            "AWS_ENDPOINT_URL: plain http",
        ]
    } else {
        &["FILES_URL: \"s3://files/shop\": needs the s3 feature, not in this build"]
    };
    for line in expected {
        assert!(message.contains(line), "{line}: {message}");
    }
    assert!(!message.contains("ephemeral"), "{message}");
}

#[test]
fn a_lease_key_never_appears_in_a_message() {
    let output = program()
        .env("FILES_URL", "file:///srv/files")
        .env("LEASE_KEY", "c2VjcmV0c2VjcmV0")
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("LEASE_KEY: expected 32 bytes in base64"));
    assert!(!stderr(&output).contains("c2VjcmV0"));
}

#[test]
fn what_cannot_be_listened_on_is_said_and_ends_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = program()
        .args(["--download-listen", &address])
        .env("FILES_URL", "file:///srv/files")
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address));
}

#[test]
fn two_signals_stop_it_at_once() {
    let mut server = program()
        .args([
            "--download-listen",
            "127.0.0.1:0",
            "--files-url",
            "file:///srv/files",
        ])
        .env("DRAIN_SECS", "600")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&server);
    let mut lines = BufReader::new(server.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line.contains("downloads are open")));

    kill_process(pid, Signal::TERM).unwrap();
    assert!(lines.any(|line| line.contains("draining")));
    kill_process(pid, Signal::INT).unwrap();

    assert!(lines.any(|line| line.contains("stopped at once")));
    assert_eq!(server.wait().unwrap().code(), Some(0));
}
