//! Every variable: its name, unit, default and one sentence.

use shared::{file_store::access, settings::Variable};

macro_rules! variable {
    ($name:literal, $value:literal, $default:expr, $help:literal) => {
        Variable {
            name: $name,
            value: $value,
            default: $default,
            help: $help,
            secret: false,
        }
    };
}

/// Every variable the app-server reads.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "DATABASE_URL",
        value: "",
        default: "",
        help: "PostgreSQL, postgresql://user:password@host/database; required",
        secret: true,
    },
    variable!(
        "APP_LISTEN",
        "ADDRESS:PORT",
        "127.0.0.1:8080",
        "Where to listen"
    ),
    variable!(
        "APP_URL",
        "URL",
        "http://localhost:8080",
        "Public origin: issuer, cookies, links"
    ),
    variable!(
        "DOWNLOAD_URLS",
        "URL,…",
        "http://127.0.0.1:8081",
        "Public URLs of the download servers"
    ),
    variable!(
        "KEYS_DIR",
        "DIR",
        "",
        "Folder of the Ed25519 signing keys; required"
    ),
    Variable {
        name: "SECRETS_KEY",
        value: "",
        default: "",
        help: "32 bytes in base64, or id:key pairs with commas between (the first seals, all open): \
               keeps the secrets of second factors; required once there are any",
        secret: true,
    },
    access::FILES_URL,
    access::AWS_ACCESS_KEY_ID,
    access::AWS_SECRET_ACCESS_KEY,
    access::AWS_SESSION_TOKEN,
    access::AWS_REGION,
    access::AWS_DEFAULT_REGION,
    access::AWS_ENDPOINT_URL,
    access::AWS_ALLOW_HTTP,
    variable!(
        "SESSION_IDLE_SECS",
        "SECONDS",
        "7200",
        "Browser sessions end after this long without use"
    ),
    variable!(
        "SESSION_ABSOLUTE_SECS",
        "SECONDS",
        "86400",
        "Browser sessions end after this long in any case"
    ),
    variable!(
        "REMEMBER_IDLE_SECS",
        "SECONDS",
        "1209600",
        "The same for remembered sessions: without use"
    ),
    variable!(
        "REMEMBER_ABSOLUTE_SECS",
        "SECONDS",
        "2592000",
        "The same for remembered sessions: in any case"
    ),
    variable!(
        "ADMIN_IDLE_SECS",
        "SECONDS",
        "1800",
        "The same for admins, remembered or not: without use"
    ),
    variable!(
        "ADMIN_ABSOLUTE_SECS",
        "SECONDS",
        "43200",
        "The same for admins, remembered or not: in any case"
    ),
    variable!(
        "ANONYMOUS_SECS",
        "SECONDS",
        "604800",
        "Carts of visitors are kept this long after their last use"
    ),
    Variable {
        name: "SESSION_STORE",
        value: "",
        default: "",
        help: "Where the sessions of users are kept: postgres, the default, or redis://host:port/database",
        secret: true,
    },
    variable!(
        "SESSIONS_PER_USER",
        "COUNT",
        "50",
        "Sessions a user may have; the idlest goes first"
    ),
    variable!(
        "ANONYMOUS_PER_ADDRESS",
        "COUNT",
        "100",
        "Visitors' carts one address may begin in an hour"
    ),
    variable!(
        "REGISTRATIONS_PER_ADDRESS",
        "COUNT",
        "300",
        "Accounts one address may open, or try to, in an hour"
    ),
    variable!(
        "TOKEN_TTL_SECS",
        "SECONDS",
        "120",
        "Lifetime of a download token, 10 to 300"
    ),
    variable!(
        "PAYMENTS",
        "none|test",
        "none",
        "How priced orders are settled; test settles at once, without money"
    ),
    Variable {
        name: "SMTP_URL",
        value: "",
        default: "",
        help: "Mail server, smtp(s)://user:password@host:port; without one no mail is sent",
        secret: true,
    },
    variable!(
        "MAIL_FROM",
        "MAILBOX",
        "",
        "Sender of every mail; by default Claimcheck <no-reply@HOST>, of APP_URL"
    ),
    variable!(
        "TRUSTED_PROXIES",
        "CIDR,…",
        "",
        "Proxies whose X-Forwarded-For is believed"
    ),
    variable!(
        "GEOIP_DB",
        "FILE",
        "",
        "An .mmdb of countries, for the list of sessions"
    ),
    variable!(
        "DRAIN_SECS",
        "SECONDS",
        "30",
        "How long running requests may take to finish at a stop"
    ),
    variable!(
        "WORKERS",
        "COUNT",
        "",
        "Threads that serve requests; by default one for each core"
    ),
];
