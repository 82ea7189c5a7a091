//! What can be asked for.

use clap::{Arg, ArgMatches, Command, builder::ValueParser};
use shared::settings;

use crate::config::VARIABLES;

/// Every command, and with each every variable.
pub(super) fn command() -> Command {
    let about = "The shop: pages, JSON API, accounts, and the signing of download tokens";
    let root = Command::new("app-server")
        .about(about)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand(leaf(
            "serve",
            "Serves the shop until SIGTERM or SIGINT; also without a command",
        ))
        .subcommand(leaf(
            "migrate",
            "Brings the database up to date; needs DATABASE_URL only",
        ))
        .subcommand(user())
        .subcommand(keys())
        .subcommand(secrets())
        .subcommand(catalogue());
    let root = settings::command(root, VARIABLES);
    let secrets = root.get_after_help().cloned().unwrap_or_default();
    with_secrets(root, &secrets)
}

/// Flags reach every command by themselves; the text about secrets does not.
fn with_secrets(command: Command, secrets: &clap::builder::StyledStr) -> Command {
    command
        .after_help(secrets.clone())
        .mut_subcommands(|command| with_secrets(command, secrets))
}

fn leaf(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about)
}

fn group(name: &'static str, about: &'static str) -> Command {
    leaf(name, about).subcommand_required(true)
}

fn user() -> Command {
    let email = || {
        Arg::new("EMAIL")
            .help("The account's e-mail address")
            .required(true)
    };
    let name = Arg::new("NAME")
        .long("name")
        .value_name("NAME")
        .help("What the shop calls them; otherwise the address up to the @");
    let of_account = |name, about| leaf(name, about).arg(email());
    group(
        "user",
        "Opens and changes accounts; needs DATABASE_URL only",
    )
    .subcommand(
        of_account(
            "create",
            "Opens an account; reads its password from standard input",
        )
        .arg(name),
    )
    .subcommand(of_account(
        "promote",
        "Makes an account an admin's; its sessions end",
    ))
    .subcommand(of_account(
        "disable",
        "Ends an account's sessions and lets nobody sign in",
    ))
    .subcommand(of_account(
        "enable",
        "Lets a disabled account sign in again",
    ))
    .subcommand(of_account(
        "password",
        "Sets a password, read from standard input; the account's sessions end",
    ))
    .subcommand(of_account(
        "second-factor-reset",
        "Removes the second factor of somebody who lost it; the account's sessions end",
    ))
}

fn keys() -> Command {
    // Names are base64url, and one in 64 begins with a hyphen.
    let kid = Arg::new("KID")
        .help("The key's name, as `keys list` shows it")
        .required(true)
        .allow_hyphen_values(true);
    group("keys", "Makes, lists and ends signing keys; needs KEYS_DIR only")
        .subcommand(leaf(
            "generate",
            "Makes a key: published at once, signing after 120 s (the very first at once)",
        ))
        .subcommand(leaf("list", "Lists the keys, oldest first, and what each is good for"))
        .subcommand(
            leaf(
                "retire",
                "Emergency: ends a key and all tokens and deliveries it signed; a newer key signs at once",
            )
            .arg(kid),
        )
}

fn secrets() -> Command {
    group(
        "secrets",
        "Rotates the keys of SECRETS_KEY; needs DATABASE_URL and SECRETS_KEY only",
    )
    .subcommand(leaf(
        "reseal",
        "Seals everything under the first key; afterwards the others may go",
    ))
}

fn catalogue() -> Command {
    let dir = Arg::new("DIR")
        .help("A folder with one folder for each product")
        .value_parser(ValueParser::string())
        .required(true);
    group(
        "catalogue",
        "Fills the catalogue; needs DATABASE_URL and FILES_URL only",
    )
    .subcommand(
        leaf(
            "import",
            "Adds and updates products from a folder; deletes nothing",
        )
        .arg(dir),
    )
}

/// The command that was asked for, as its words, and what was given with it.
pub(super) fn asked_for(matches: &ArgMatches) -> (String, &ArgMatches) {
    let mut words = Vec::new();
    let mut leaf = matches;
    while let Some((word, inner)) = leaf.subcommand() {
        words.push(word);
        leaf = inner;
    }
    if words.is_empty() {
        words.push("serve");
    }
    (words.join(" "), leaf)
}

/// The argument of this name, empty when the command takes none.
pub(super) fn argument<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    text(matches, name).unwrap_or_default()
}

/// The argument of this name, if it was given.
pub(super) fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches
        .try_get_one::<String>(name)
        .ok()
        .flatten()
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_sound() {
        command().debug_assert();
    }
}
