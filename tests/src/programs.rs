//! Programs that some tests drive, and that not every machine has.

use std::{
    env,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A program by any of its names, and how to get it on Debian.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    names: &'static [&'static str],
    package: &'static str,
}

/// A browser.
pub const CHROMIUM: Program = Program::new(
    &["chromium", "chromium-browser", "google-chrome"],
    "chromium",
);
/// What drives it.
pub const CHROMEDRIVER: Program = Program::new(&["chromedriver"], "chromium-driver");
/// Another browser.
pub const FIREFOX: Program = Program::new(&["firefox-esr", "firefox"], "firefox-esr");
/// A download tool.
pub const CURL: Program = Program::new(&["curl"], "curl");
/// A download tool.
pub const WGET: Program = Program::new(&["wget"], "wget");
/// A download tool.
pub const ARIA2: Program = Program::new(&["aria2c"], "aria2");
/// The web server that ours is compared with.
pub const NGINX: Program = Program::new(&["nginx"], "nginx-light");
/// Another place for sessions.
pub const REDIS: Program = Program::new(&["redis-server", "valkey-server"], "redis-server");
/// Reads JSON on the command line.
pub const JQ: Program = Program::new(&["jq"], "jq");
/// What runs the S3 server.
pub const NODE: Program = Program::new(&["node"], "nodejs");

/// What runs the SMTP server.
pub const PYTHON: Program = Program::new(&["python3"], "python3");

impl Program {
    const fn new(names: &'static [&'static str], package: &'static str) -> Self {
        Self { names, package }
    }

    /// Where it is. `None`, said aloud, tells the test to return without having looked.
    ///
    /// # Panics
    /// When it is missing where every test must run: `CI` or `REQUIRE_TOOLS` is set.
    pub fn find(self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        // Debian keeps servers where only root's PATH leads.
        let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let mut places =
            folders.flat_map(|folder| self.names.iter().map(move |name| folder.join(name)));
        if let Some(found) = places.find(|place| place.is_file()) {
            return Some(found);
        }
        report_missing(&format!(
            "{} is missing: apt-get install {}",
            self.names[0], self.package
        ));
        None
    }
}

/// Says that a test was not run for want of something.
///
/// # Panics
/// Where every test must run: `CI` or `REQUIRE_TOOLS` is set.
pub fn report_missing(missing: &str) {
    let required = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    assert!(!required("CI") && !required("REQUIRE_TOOLS"), "{missing}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not by a macro: what those print is hidden when a test passes.
    let _ = writeln!(io::stderr(), "NOT RUN: {test}: {missing}");
}

/// A running program and all that it started; they end with this, and with this process.
///
/// A shell stands between: it waits for the end of its standard input, which comes however this
/// process dies, and then kills its process group.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts it; what it prints goes to `output`.
    pub fn start(program: &Path, arguments: &[String], output: Stdio) -> Self {
        let wait = r#""$@" </dev/null & cat >/dev/null; kill -KILL 0"#;
        let child = Command::new("sh")
            .args(["-c", wait, "sh"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self(child.unwrap_or_else(|error| panic!("{}: {error}", program.display())))
    }

    /// The shell's process, and the group of all that was started.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it prints, when it was started with [`Stdio::piped`].
    pub fn output(&mut self) -> impl io::Read + use<> {
        self.0.stdout.take().expect("a pipe nobody took")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // The shell killed itself with the rest.
        let _ = self.0.wait();
    }
}
