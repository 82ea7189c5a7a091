//! The command line as an operator meets it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use app_server::config::VARIABLES;

/// A database that is not there: whatever asks it fails quickly.
const NO_DATABASE: &str = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1";

/// Runs the program with an empty environment but for `environment`.
fn run(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_app-server"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses before it reads closes its end: that is no failure here.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder for keys, gone with the test.
struct KeysDir(PathBuf);

impl KeysDir {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("cli-keys-{}", uuid::Uuid::new_v4())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Runs `keys …` and gives what it says; it must succeed.
    fn keys(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> = std::iter::once("keys")
            .chain(arguments.iter().copied())
            .collect();
        let output = run(&arguments, &[("KEYS_DIR", self.path())], "");
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    }

    fn file(&self, kid: &str) -> PathBuf {
        self.0.join(format!("{kid}.pem"))
    }
}

impl Drop for KeysDir {
    #[expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test may wait for the disk")]
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn help_on_each_command_names_every_variable_its_unit_and_its_default() {
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["migrate", "--help"],
        &["user", "--help"],
        &["user", "create", "--help"],
        &["user", "promote", "--help"],
        &["user", "disable", "--help"],
        &["user", "enable", "--help"],
        &["user", "password", "--help"],
        &["user", "second-factor-reset", "--help"],
        &["secrets", "reseal", "--help"],
        &["keys", "--help"],
        &["keys", "generate", "--help"],
        &["keys", "list", "--help"],
        &["keys", "retire", "--help"],
        &["catalogue", "import", "--help"],
        &["help", "keys", "list"],
    ] {
        let output = run(command, &[], "");
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        let help = stdout(&output);
        for variable in VARIABLES {
            for text in [variable.name, variable.value, variable.default] {
                assert!(help.contains(text), "{command:?} does not name {text}");
            }
        }
    }
}

#[test]
fn every_mistake_is_named_at_once_and_the_exit_code_is_2() {
    let environment = [
        ("APP_LISTEN", "nowhere"),
        ("APP_URL", "https://shop.example"),
        ("APP_ULR", "https://shop.example"),
        (
            "DOWNLOAD_URLS",
            "https://shop.example/files, http://d.example, ftp://d.example",
        ),
        ("DATABASE_URL", "mysql://x"),
        ("FILES_URL", "file://relative"),
        ("TOKEN_TTL_SECS", "301"),
        ("SESSION_IDLE_SECS", "an hour"),
        ("JWKS_FIEL", "/x"),
        ("PAYMENTS", "later"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("SECRETS_KEY", "new:c2hvcnQ=,a b:nonsense,new:x"),
    ];
    for arguments in [
        &["--colour", "blue", "--shiny"][..],
        &["serve", "--colour=blue", "--shiny"],
    ] {
        let output = run(arguments, &environment, "");
        assert_eq!(output.status.code(), Some(2));
        let mistakes = stderr(&output);
        for mistake in [
            "--colour",
            "--shiny",
            "APP_LISTEN",
            "APP_ULR",
            "https://shop.example/files has APP_URL's host",
            "http://d.example is plain http",
            "ftp://d.example",
            "DATABASE_URL",
            "KEYS_DIR: required",
            "FILES_URL",
            "TOKEN_TTL_SECS",
            "SESSION_IDLE_SECS",
            "JWKS_FIEL",
            "PAYMENTS",
            "TRUSTED_PROXIES",
            "SECRETS_KEY: key 1: expected 32 bytes in base64",
            "SECRETS_KEY: the name of key 2",
            "SECRETS_KEY: two keys are named \"new\"",
        ] {
            assert!(
                mistakes.contains(mistake),
                "no word of {mistake} in {mistakes}"
            );
        }
        assert!(
            !mistakes.contains("c2hvcnQ="),
            "a key is repeated: {mistakes}"
        );
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_command_that_does_not_exist_is_a_mistake() {
    for arguments in [
        &["sreve"][..],
        &["keys"],
        &["keys", "forge"],
        &["keys", "retire"],
        &["user", "create"],
        &[
            "user",
            "password",
            "ada@example.org",
            "correct horse battery",
        ],
        &["catalogue", "import"],
        &["migrate", "now"],
        &["secrets"],
        &["user", "second-factor-reset"],
    ] {
        let output = run(arguments, &[("DATABASE_URL", NO_DATABASE)], "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).starts_with("app-server: "),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_command_needs_only_the_variables_it_uses() {
    for (arguments, needed) in [
        (&["keys", "list"][..], &["KEYS_DIR"][..]),
        (&["migrate"], &["DATABASE_URL"]),
        (&["user", "promote", "ada@example.org"], &["DATABASE_URL"]),
        (
            &["catalogue", "import", "/nowhere"],
            &["DATABASE_URL", "FILES_URL"],
        ),
        (&["secrets", "reseal"], &["DATABASE_URL", "SECRETS_KEY"]),
        (&[], &["DATABASE_URL", "FILES_URL", "KEYS_DIR"]),
    ] {
        let output = run(arguments, &[], "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        for variable in ["DATABASE_URL", "FILES_URL", "KEYS_DIR", "SECRETS_KEY"] {
            let named = stderr(&output).contains(&format!("{variable}: required"));
            assert_eq!(
                named,
                needed.contains(&variable),
                "{arguments:?} {variable}"
            );
        }
    }
}

#[test]
fn a_database_that_is_not_there_is_one_clear_message_and_exit_code_1() {
    let keys = KeysDir::new();
    let environment = [
        ("DATABASE_URL", NO_DATABASE),
        ("KEYS_DIR", keys.path()),
        ("FILES_URL", "file:///nowhere"),
        ("APP_LISTEN", "127.0.0.1:0"),
    ];
    for arguments in [
        &[][..],
        &["serve"],
        &["migrate"],
        &["user", "enable", "ada@example.org"],
    ] {
        let output = run(arguments, &environment, "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let message = stderr(&output);
        assert!(
            message.starts_with("app-server: the database cannot be"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn keys_are_generated_listed_and_retired() {
    let keys = KeysDir::new();
    let first = keys.keys(&["generate"]).trim().to_owned();
    assert_eq!(mode(&keys.file(&first)), 0o600);
    assert_eq!(mode(&keys.0), 0o700);
    assert!(keys.keys(&["list"]).contains(&format!("{first}  created ")));
    assert!(keys.keys(&["list"]).contains("signing"));

    let alone = run(
        &["keys", "retire", &first],
        &[("KEYS_DIR", keys.path())],
        "",
    );
    assert_eq!(alone.status.code(), Some(1));
    assert!(
        stderr(&alone).contains("keys generate"),
        "{}",
        stderr(&alone)
    );

    let second = keys.keys(&["generate"]).trim().to_owned();
    let list = keys.keys(&["list"]);
    assert!(
        list.lines()
            .any(|line| line.starts_with(&second) && line.contains("announced"))
    );

    keys.keys(&["retire", &first]);
    assert!(!keys.file(&first).exists());
    let list = keys.keys(&["list"]);
    assert!(!list.contains(&first));
    assert!(
        list.lines()
            .any(|line| line.starts_with(&second) && line.contains("signing"))
    );
}

#[test]
fn keys_dir_is_a_flag_too_before_or_after_the_command() {
    let keys = KeysDir::new();
    for arguments in [
        ["--keys-dir", keys.path(), "keys", "generate"],
        ["keys", "--keys-dir", keys.path(), "generate"],
        ["keys", "generate", "--keys-dir", keys.path()],
    ] {
        let output = run(&arguments, &[], "");
        assert!(output.status.success(), "{arguments:?} {}", stderr(&output));
    }
    assert_eq!(keys.keys(&["list"]).lines().count(), 3);
}

#[test]
fn a_name_that_begins_with_a_hyphen_is_a_name() {
    let keys = KeysDir::new();
    keys.keys(&["generate"]);
    let output = run(
        &["keys", "retire", "-abc"],
        &[("KEYS_DIR", keys.path())],
        "",
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("there is no key -abc"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_password_comes_from_standard_input_only() {
    for arguments in [
        &["user", "create", "ada@example.org"][..],
        &["user", "password", "ada@example.org"],
    ] {
        let environment = [("DATABASE_URL", NO_DATABASE)];
        let nothing = run(arguments, &environment, "");
        assert_eq!(nothing.status.code(), Some(1));
        assert!(stderr(&nothing).contains("no password on standard input"));

        let given = run(arguments, &environment, "correct horse battery staple\n");
        assert_eq!(given.status.code(), Some(1));
        assert!(
            stderr(&given).contains("the database cannot be"),
            "{}",
            stderr(&given)
        );

        let as_flag: Vec<&str> = arguments
            .iter()
            .copied()
            .chain(["--password", "x"])
            .collect();
        assert_eq!(run(&as_flag, &environment, "").status.code(), Some(2));
    }
}
