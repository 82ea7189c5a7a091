//! Download tools as people have them, on a line that breaks: one claim a test.

mod aria2;
mod curl;
mod wget;

use std::{
    ffi::OsStr,
    path::Path,
    process::{Output, Stdio},
};

use tests::large_sale::PATIENCE;
use tokio::process::Command;

/// Runs a tool to its end.
async fn run<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new(program);
    // The tool's own settings of whoever runs the tests must not matter.
    command
        .env("HOME", "/nonexistent")
        .env("WGETRC", "/dev/null")
        .env_remove("http_proxy")
        .env_remove("all_proxy")
        .env_remove("ALL_PROXY");
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    output.expect("an end of the tool").expect("the tool")
}

/// What a tool said, for the message of a failed assertion.
fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
