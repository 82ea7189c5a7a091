//! The app-server's program: everything is in the library.

use std::process::ExitCode;

use app_server::{cli, config};

fn main() -> ExitCode {
    cli::run(std::env::args_os(), config::environment())
}
