//! The app-server's program: everything is in the library.

use std::process::ExitCode;

use app_server::{cli, config};

/// Requests allocate a lot, and with it at less cost than with the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), config::environment())
}
