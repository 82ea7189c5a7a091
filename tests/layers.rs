//! Who may import whom, and who alone may touch what: rules over the source text.
//!
//! A failure names the file, the line and the rule. `ARCHITECTURE.md` says why the rules are.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

// --- What the servers link ---

#[test]
fn the_download_server_reaches_no_database_no_templates_and_no_shop() {
    let reached = built_from("download-server");
    for banned in [
        "tokio-postgres",
        "deadpool",
        "deadpool-postgres",
        "postgres-types",
        "refinery",
        "askama",
        "argon2",
        "app-server",
    ] {
        assert!(
            !reached.contains(banned),
            "download-server reaches {banned}"
        );
    }
}

#[test]
fn what_both_servers_share_knows_neither_http_nor_a_database_nor_the_servers() {
    let reached = built_from("shared");
    for banned in [
        "actix-web",
        "actix-http",
        "tokio-postgres",
        "app-server",
        "download-server",
        "demo",
    ] {
        assert!(!reached.contains(banned), "shared reaches {banned}");
    }
}

#[test]
fn the_servers_do_not_know_each_other_nor_what_runs_them() {
    for (from, to) in [
        ("app-server", "download-server"),
        ("app-server", "demo"),
        ("download-server", "demo"),
    ] {
        assert!(!built_from(from).contains(to), "{from} reaches {to}");
    }
}

#[test]
fn one_crypto_provider_is_linked_and_no_system_library() {
    for member in ["app-server", "download-server", "demo", "tests"] {
        let reached = built_from(member);
        for banned in ["ring", "openssl-sys", "native-tls", "zstd-sys"] {
            assert!(!reached.contains(banned), "{member} reaches {banned}");
        }
    }
}

/// The names of all that `package` is built from, with the features it is built with; what only
/// tests need is left out.
fn built_from(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--edges=normal,build",
            "--prefix=none",
            "--format={p}",
        ])
        .args(["--package", package])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).expect("UTF-8 of cargo");
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(
        names.len() > 10 && names.contains(package),
        "cargo tree printed: {tree}"
    );
    names
}

// --- Who imports whom inside the app-server ---

/// `domain ← db ← actions ← http ← main`; what a layer may not know.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "db", "keys", "mail", "nodes", "config", "state", "error", "actions", "http", "cli",
        ],
    ),
    (
        "db",
        &[
            "keys", "mail", "nodes", "state", "error", "actions", "http", "cli",
        ],
    ),
    (
        "countries",
        &["db", "keys", "nodes", "state", "actions", "http", "cli"],
    ),
    ("keys", &["db", "nodes", "state", "actions", "http", "cli"]),
    ("mail", &["db", "nodes", "state", "actions", "http", "cli"]),
    ("nodes", &["db", "state", "actions", "http", "cli"]),
    (
        "config",
        &["db", "nodes", "state", "actions", "http", "cli"],
    ),
    ("state", &["http", "cli"]),
    ("error", &["http", "cli"]),
    ("actions", &["http", "cli"]),
    ("http", &["cli"]),
    ("http::pages", &["http::api"]),
    ("http::api", &["http::pages"]),
];

#[test]
fn imports_inside_the_app_server_point_one_way() {
    let mut broken = Broken::default();
    for source in sources("app-server/src") {
        for (layer, unknown) in LAYERS {
            if !begins_with(&source.module, layer) {
                continue;
            }
            for mention in source.mentions() {
                for other in *unknown {
                    if begins_with(&mention.path, other) {
                        broken.add(
                            &source,
                            mention.line,
                            &format!("{layer} may not know {other}"),
                        );
                    }
                }
            }
        }
    }
    broken.report();
}

#[test]
fn only_http_knows_actix() {
    only(
        "actix_web",
        "only app-server/src/http knows actix_web",
        &["app-server/src"],
        |path| path.starts_with("app-server/src/http/"),
    );
    only(
        "actix_session",
        "only app-server/src/http knows actix_session",
        &["app-server/src"],
        |path| path.starts_with("app-server/src/http/"),
    );
}

#[test]
fn only_db_touches_rows_and_drivers() {
    let rule = "only app-server/src/db talks to PostgreSQL";
    // Which address is one is for the driver to say.
    let parses_addresses = |path: &str| path == "app-server/src/config.rs";
    for word in [
        "tokio_postgres",
        "deadpool_postgres",
        "postgres_types",
        "refinery::",
    ] {
        only(word, rule, &["app-server/src"], |path| {
            path.starts_with("app-server/src/db/") || parses_addresses(path)
        });
    }
}

#[test]
fn only_db_writes_sql() {
    let statements = [
        "select ",
        "insert into ",
        "update ",
        "delete from ",
        "with ",
        "truncate ",
    ];
    let mut broken = Broken::default();
    for source in sources("app-server/src")
        .into_iter()
        .filter(|source| !source.path.starts_with("app-server/src/db/"))
    {
        for (number, line) in source.code() {
            let literals = line.split('"').skip(1).step_by(2);
            for literal in literals.map(|literal| literal.trim_start().to_lowercase()) {
                let begins = statements
                    .iter()
                    .any(|statement| literal.starts_with(statement));
                let names_a_table = [" from ", " into ", " set ", " as ("]
                    .iter()
                    .any(|word| literal.contains(word));
                if begins && names_a_table {
                    broken.add(&source, number, "only app-server/src/db writes SQL");
                }
            }
        }
    }
    broken.report();
}

// --- Who alone may ---

const SERVERS: &[&str] = &[
    "app-server/src",
    "download-server/src",
    "shared/src",
    "demo/src",
];

#[test]
fn only_the_clock_reads_the_time() {
    for word in ["Utc::now", "Local::now", "SystemTime::now"] {
        only(
            word,
            "only shared/src/clock.rs reads the time",
            SERVERS,
            |path| path == "shared/src/clock.rs",
        );
    }
}

#[test]
fn no_sql_reads_the_time() {
    let words = [
        "now()",
        "current_timestamp",
        "current_date",
        "current_time",
        "localtimestamp",
        "localtime",
        "clock_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "timeofday",
    ];
    let mut broken = Broken::default();
    let sql = sources("migrations")
        .into_iter()
        .chain(sources("app-server/src/db"));
    for source in sql {
        for (number, line) in source.code() {
            let line = line.to_lowercase();
            // `Clock`'s own method is called in code, never in a statement.
            let line = line.replace(".now()", "").replace("::now()", "");
            if words.iter().any(|word| line.contains(word)) {
                broken.add(&source, number, "SQL takes instants as parameters");
            }
        }
    }
    broken.report();
}

#[test]
fn only_configuration_reads_the_environment() {
    let readers = [
        "app-server/src/config.rs",
        "app-server/src/cli.rs",
        "download-server/src/config/reading.rs",
        "shared/src/settings.rs",
        "demo/src/settings.rs",
        "demo/src/postgres/programs.rs", // PATH and CLAIMCHECK_PG_BIN, for tests too
    ];
    for word in ["env::var", "env::vars"] {
        only(
            word,
            "only configuration reads the environment",
            SERVERS,
            |path| readers.contains(&path) || path.ends_with("/src/main.rs"),
        );
    }
}

#[test]
fn no_name_is_exported_twice() {
    let mut broken = Broken::default();
    for place in SERVERS {
        let sources = sources(place);
        let root = sources
            .iter()
            .find(|source| source.path.ends_with("/src/lib.rs"));
        let root = root.map_or("", |root| &root.text);
        for source in sources
            .iter()
            .filter(|source| !source.path.ends_with("/src/lib.rs"))
        {
            for (number, line) in source.code() {
                let Some(path) = line.strip_prefix("pub use ") else {
                    continue;
                };
                // A module that nobody outside sees may show its names elsewhere.
                let hidden = match path.strip_prefix("crate::") {
                    Some(path) => (path, root),
                    None => (path, source.text.as_str()),
                };
                let module = hidden.0.split("::").next().unwrap_or_default();
                if !hidden.1.contains(&format!("\nmod {module};")) {
                    broken.add(
                        source,
                        number,
                        "`pub use` of what has a public name already",
                    );
                }
            }
        }
    }
    broken.report();
}

/// Nothing but the places that `may` accepts contains `word`.
fn only(word: &str, rule: &str, places: &[&str], may: impl Fn(&str) -> bool) {
    let mut broken = Broken::default();
    for source in places.iter().flat_map(|place| sources(place)) {
        if may(&source.path) {
            continue;
        }
        for (number, line) in source.code() {
            if line.contains(word) {
                broken.add(&source, number, rule);
            }
        }
    }
    broken.report();
}

// --- Reading source ---

struct Source {
    /// From the workspace's root, with `/`.
    path: String,
    /// `http::pages::cart` for app-server/src/http/pages/cart.rs.
    module: String,
    text: String,
}

/// Something of the same crate that a source names, from its root: `db::users::find`.
struct Mention {
    line: usize,
    path: String,
}

fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("the package lies in the workspace")
        .to_owned()
}

/// Every Rust and SQL file beneath `place`.
fn sources(place: &str) -> Vec<Source> {
    let root = workspace();
    let mut found = Vec::new();
    let mut open = vec![root.join(place)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            let path = entry.path();
            let name = path
                .strip_prefix(&root)
                .expect("beneath the root")
                .to_string_lossy()
                .replace('\\', "/");
            if path.is_dir() {
                open.push(path);
            } else if name.ends_with(".rs") || name.ends_with(".sql") {
                let module = name
                    .trim_start_matches(place)
                    .trim_start_matches('/')
                    .trim_end_matches(".rs");
                let module = module.trim_end_matches("/mod").replace('/', "::");
                let text = fs::read_to_string(&path).expect("UTF-8");
                found.push(Source {
                    path: name,
                    module,
                    text,
                });
            }
        }
    }
    assert!(!found.is_empty(), "{place} has sources");
    found
}

impl Source {
    /// The lines that are not comments, counted from 1; what follows `//` or `--` is cut off.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let comment = if self.path.ends_with(".sql") {
            "--"
        } else {
            "// "
        };
        let lines = self.text.lines().enumerate();
        lines
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(move |(number, line)| (number + 1, line.split(comment).next().unwrap_or_default()))
    }

    /// What `crate::…` and `super::…` name, groups taken apart.
    fn mentions(&self) -> Vec<Mention> {
        let mut code = String::new();
        let mut lines = Vec::new();
        for (number, line) in self.code() {
            lines.push((code.len(), number));
            code.push_str(line);
            code.push('\n');
        }
        let mut mentions = Vec::new();
        for (start, _) in code
            .match_indices("crate::")
            .chain(code.match_indices("super::"))
        {
            let before = code[..start].chars().next_back();
            if before
                .is_some_and(|before| before.is_alphanumeric() || matches!(before, ':' | '_' | '$'))
            {
                continue; // the middle of a longer path
            }
            let line = lines
                .iter()
                .rev()
                .find(|(at, _)| *at <= start)
                .map_or(0, |(_, number)| *number);
            let paths = expand(&code[start..])
                .into_iter()
                .filter_map(|path| self.resolve(&path));
            mentions.extend(paths.map(|path| Mention { line, path }));
        }
        mentions
    }

    /// A path from the crate's root; `None` when it is one module too many up.
    fn resolve(&self, path: &str) -> Option<String> {
        if let Some(path) = path.strip_prefix("crate::") {
            return Some(path.to_owned());
        }
        let mut module: Vec<&str> = self.module.split("::").collect();
        let mut rest = path;
        while let Some(further) = rest.strip_prefix("super::") {
            module.pop()?;
            rest = further;
        }
        module.push(rest);
        Some(module.join("::"))
    }
}

/// The paths a use tree names: `a::{b, c::d}` are `a::b` and `a::c::d`.
fn expand(text: &str) -> Vec<String> {
    let is_path =
        |character: char| character.is_alphanumeric() || matches!(character, ':' | '_' | '*');
    let end = text
        .find(|character| !is_path(character))
        .unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let Some(group) = rest.strip_prefix('{').filter(|_| path.ends_with("::")) else {
        return vec![path.to_owned()];
    };
    let mut paths = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let inner = group[start..at].trim();
                if !inner.is_empty() {
                    paths.extend(
                        expand(inner)
                            .into_iter()
                            .map(|inner| format!("{path}{inner}")),
                    );
                }
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    paths
}

/// `http::pages` begins `http::pages::cart`, but not `http::pages_of`.
fn begins_with(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The places where a rule was broken.
#[derive(Default)]
struct Broken(BTreeSet<String>);

impl Broken {
    fn add(&mut self, source: &Source, line: usize, rule: &str) {
        self.0.insert(format!("{}:{line}: {rule}", source.path));
    }

    fn report(self) {
        let mut text = String::new();
        for place in &self.0 {
            let _ = writeln!(text, "{place}");
        }
        assert!(self.0.is_empty(), "\n{text}");
    }
}

#[test]
fn use_trees_are_taken_apart() {
    let tree = "crate::{\n    db::{self, users::find},\n    domain::User,\n};\nlet x = 1;";
    assert_eq!(
        expand(tree),
        [
            "crate::db::self",
            "crate::db::users::find",
            "crate::domain::User"
        ]
    );
    assert_eq!(expand("crate::db::pool(url)"), ["crate::db::pool"]);

    let source = Source {
        path: "a.rs".to_owned(),
        module: "http::pages::cart".to_owned(),
        text: "// crate::no\nuse super::super::{api, layout};\nuse super::super::super::db;\n"
            .to_owned(),
    };
    let mentions = source.mentions();
    let mentions: Vec<_> = mentions
        .iter()
        .map(|mention| (mention.line, mention.path.as_str()))
        .collect();
    assert_eq!(mentions, [(2, "http::api"), (2, "http::layout"), (3, "db")]);
}
