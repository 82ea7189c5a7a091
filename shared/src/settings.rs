//! Configuration: flags over environment over defaults, and every mistake in one message.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fmt,
    ops::RangeInclusive,
    str::FromStr,
};

use clap::{Arg, ArgMatches, Command, error::ErrorKind};
use secrecy::SecretString;

/// One variable a server reads: what `--help` says of it.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name in the environment; `--app-url` is the flag of `APP_URL`.
    pub name: &'static str,
    /// What stands for its value in `--help`: a unit or a form.
    pub value: &'static str,
    /// What holds when it is not given; empty when nothing does.
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Read from NAME or the file NAME_FILE, never from a flag.
    pub secret: bool,
}

/// Every variable of either server whose prefix is reserved.
///
/// A name with a reserved prefix that is not here is a typing error. Both servers accept each
/// other's names, so that one environment can serve both.
const RESERVED_NAMES: &[&str] = &[
    "APP_LISTEN",
    "APP_URL",
    "DOWNLOAD_LISTEN",
    "DOWNLOAD_URL",
    "DOWNLOAD_URLS",
    "JWKS_FILE",
    "JWKS_REFRESH_SECS",
    "SESSION_ABSOLUTE_SECS",
    "SESSION_IDLE_SECS",
    "SESSION_STORE",
    "SESSION_STORE_FILE",
];

/// What desktops set and mean something else by.
const FOREIGN_NAMES: &[&str] = &["SESSION_MANAGER"];

const RESERVED_PREFIXES: &[&str] = &["APP_", "DOWNLOAD_", "SESSION_", "JWKS_"];

/// Adds a flag for each variable to `command`, and the secrets to the end of its help.
pub fn command(command: Command, variables: &[Variable]) -> Command {
    let mut secrets = String::new();
    let mut command = command;
    for variable in variables {
        let default = match variable.default {
            "" => String::new(),
            default => format!(" [default: {default}]"),
        };
        if variable.secret {
            let line = format!(
                "  {}, {0}_FILE\n          {}{default}\n",
                variable.name, variable.help
            );
            secrets.push_str(&line);
            continue;
        }
        let flag = Arg::new(variable.name)
            .long(flag(variable.name))
            .value_name(variable.value)
            .help(format!(
                "{} [env: {}]{default}",
                variable.help, variable.name
            ))
            .help_heading("Configuration")
            .global(true);
        command = command.arg(flag);
    }
    if secrets.is_empty() {
        return command;
    }
    command.after_help(format!(
        "Secrets, from the environment or a file it names, never a flag:\n{secrets}"
    ))
}

fn flag(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

/// Parses arguments, going on after unknown flags so that all of them are reported.
///
/// # Errors
/// [`Refused::Display`] for `--help` and `--version`; [`Refused::Mistakes`] names each unknown flag.
pub fn parse(
    command: &Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(ArgMatches, Mistakes), Refused> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut mistakes = Mistakes::default();
    loop {
        let error = match command.clone().try_get_matches_from(&arguments) {
            Ok(matches) => return Ok((matches, mistakes)),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                return Err(Refused::Display(error));
            }
            _ => {}
        }
        let unknown = error
            .get(clap::error::ContextKind::InvalidArg)
            .map(ToString::to_string)
            .filter(|_| error.kind() == ErrorKind::UnknownArgument);
        let found = unknown.as_ref().and_then(|unknown| {
            arguments.iter().position(|argument| {
                let argument = argument.to_string_lossy();
                argument == *unknown || argument.starts_with(&format!("{unknown}="))
            })
        });
        let (Some(unknown), Some(at)) = (unknown, found) else {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            mistakes.add(first.trim_start_matches("error: ").to_owned());
            return Err(Refused::Mistakes(mistakes));
        };
        arguments.remove(at);
        // Its value, which would otherwise be reported as a mistake of its own.
        if arguments
            .get(at)
            .is_some_and(|next| !next.to_string_lossy().starts_with('-'))
        {
            arguments.remove(at);
        }
        mistakes.add(format!("{unknown}: no such flag; --help names them all"));
    }
}

/// Why parsing the arguments did not lead to a start.
#[derive(Debug)]
pub enum Refused {
    /// Help or version was asked for: print it, exit 0.
    Display(clap::Error),
    /// Print them, exit 2.
    Mistakes(Mistakes),
}

/// The values given, and the mistakes found so far.
#[derive(Debug)]
pub struct Settings {
    variables: &'static [Variable],
    given: HashMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    mistakes: Mistakes,
}

impl Settings {
    /// Collects flags, then the environment; names unknown variables with a reserved prefix.
    pub fn collect(
        variables: &'static [Variable],
        matches: &ArgMatches,
        environment: impl IntoIterator<Item = (String, String)>,
        mistakes: Mistakes,
    ) -> Self {
        let environment: BTreeMap<String, String> = environment.into_iter().collect();
        let mut settings = Self {
            variables,
            given: HashMap::new(),
            environment,
            mistakes,
        };
        for variable in variables {
            let flag = (!variable.secret).then(|| matches.try_get_one::<String>(variable.name));
            let value = match flag {
                Some(Ok(Some(value))) => Some(value.clone()),
                _ => settings.environment.get(variable.name).cloned(),
            };
            if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
                settings
                    .given
                    .insert(variable.name, value.trim().to_owned());
            }
        }
        let unknown = settings.environment.keys().filter(|name| {
            RESERVED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
                && !RESERVED_NAMES.contains(&name.as_str())
                && !FOREIGN_NAMES.contains(&name.as_str())
        });
        for name in unknown {
            settings
                .mistakes
                .add(format!("{name}: no such variable; --help names them all"));
        }
        settings
    }

    /// The value given, or the default; `None` when there is neither.
    pub fn text(&self, name: &str) -> Option<String> {
        let default = || {
            let variable = self
                .variables
                .iter()
                .find(|variable| variable.name == name)?;
            (!variable.default.is_empty()).then(|| variable.default.to_owned())
        };
        self.given.get(name).cloned().or_else(default)
    }

    /// The value given, and a mistake when there is none.
    pub fn required(&mut self, name: &str) -> Option<String> {
        let value = self.given.get(name).cloned();
        if value.is_none() {
            self.mistakes.add(format!("{name}: required"));
        }
        value
    }

    /// The value or the default as a `T`; a mistake when it does not parse.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistakes.add(format!("{name}: {text:?}: {error}"));
                None
            }
        }
    }

    /// Comma-separated values, spaces and a trailing comma allowed.
    pub fn list<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Vec<T> {
        let text = self.text(name).unwrap_or_default();
        let mut values = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            match part.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.mistakes.add(format!("{name}: {part:?}: {error}")),
            }
        }
        values
    }

    /// A whole number within `range`.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<u64>) -> u64 {
        let text = self.text(name).unwrap_or_default();
        let plain = text.replace([',', '_'], "");
        match plain.parse::<u64>() {
            Ok(value) if range.contains(&value) => value,
            _ => {
                let (least, most) = (range.start(), range.end());
                let expected = if *most == u64::MAX {
                    format!("at least {least}")
                } else {
                    format!("{least} to {most}")
                };
                self.mistakes.add(format!(
                    "{name}: {text:?}: expected a whole number, {expected}"
                ));
                *range.start()
            }
        }
    }

    /// A secret from NAME or the file NAME_FILE; a mistake when both are given.
    pub fn secret(&mut self, name: &str) -> Option<SecretString> {
        let file_variable = format!("{name}_FILE");
        let file = self
            .environment
            .get(&file_variable)
            .filter(|path| !path.is_empty())
            .cloned();
        match (self.given.get(name), file) {
            (Some(_), Some(_)) => {
                self.mistakes
                    .add(format!("{name}: given twice, also as {file_variable}"));
                None
            }
            (Some(value), None) => Some(SecretString::from(value.clone())),
            (None, Some(path)) => self.secret_file(&file_variable, &path),
            (None, None) => None,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "read once, before the server starts"
    )]
    fn secret_file(&mut self, variable: &str, path: &str) -> Option<SecretString> {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => Some(SecretString::from(text.trim().to_owned())),
            Ok(_) => {
                self.mistakes.add(format!("{variable}: {path:?} is empty"));
                None
            }
            Err(error) => {
                self.mistakes
                    .add(format!("{variable}: {path:?} cannot be read: {error}"));
                None
            }
        }
    }

    /// Notes a mistake that no single variable's parser could see.
    pub fn mistake(&mut self, text: impl Into<String>) {
        self.mistakes.add(text.into());
    }

    /// The configuration, unless there was any mistake.
    ///
    /// # Errors
    /// All mistakes found since [`Settings::collect`], in the order they were found.
    pub fn finish<T>(self, config: Option<T>) -> Result<T, Mistakes> {
        match config {
            Some(config) if self.mistakes.0.is_empty() => Ok(config),
            _ => Err(self.mistakes),
        }
    }
}

/// All that is wrong with a configuration, one line each.
#[derive(Debug, Default, thiserror::Error)]
pub struct Mistakes(Vec<String>);

impl Mistakes {
    fn add(&mut self, text: String) {
        if !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    /// One line for each mistake.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration has mistakes:")?;
        for line in &self.0 {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}
