//! The variables, for the reader and for `--help`.

use shared::{file_store::access, settings::Variable};

const fn variable(
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Variable {
    Variable {
        name,
        value,
        default,
        help,
        secret: false,
    }
}

/// Those that are no flags.
pub(super) const SECRETS: &[Variable] = &[
    access::AWS_SECRET_ACCESS_KEY,
    access::AWS_SESSION_TOKEN,
    LEASE_KEY,
];

const LEASE_KEY: Variable = Variable {
    name: "LEASE_KEY",
    value: "",
    default: "",
    help: "32 bytes in base64; interrupted downloads resume across a restart by it; \
               required unless DOWNLOAD_URL is loopback",
    secret: true,
};

/// Every variable the download-server reads.
pub const VARIABLES: &[Variable] = &[
    variable(
        "DOWNLOAD_LISTEN",
        "ADDRESS:PORT",
        "127.0.0.1:8081",
        "Where to listen",
    ),
    variable(
        "DOWNLOAD_URL",
        "URL",
        "http://127.0.0.1:8081",
        "Public address of this one process: the audience of its tokens",
    ),
    variable(
        "ISSUER",
        "URL",
        "http://localhost:8080",
        "The shop's APP_URL: who must have signed",
    ),
    variable(
        "JWKS_FILE",
        "PATH",
        "",
        "Public keys from a file instead of from ISSUER",
    ),
    variable(
        "JWKS_REFRESH_SECS",
        "SECONDS",
        "60",
        "How often the public keys are read again",
    ),
    access::FILES_URL,
    access::AWS_ACCESS_KEY_ID,
    access::AWS_SECRET_ACCESS_KEY,
    access::AWS_SESSION_TOKEN,
    access::AWS_REGION,
    access::AWS_DEFAULT_REGION,
    access::AWS_ENDPOINT_URL,
    access::AWS_ALLOW_HTTP,
    LEASE_KEY,
    variable(
        "MAX_CLOCK_SKEW_SECS",
        "SECONDS",
        "2",
        "How far this clock and the shop's may be apart",
    ),
    variable(
        "LEDGER_CAPACITY",
        "COUNT",
        "10000000",
        "Claimed tokens held, about 40 bytes each: 400 MB at the default",
    ),
    variable(
        "MAX_STREAMS",
        "COUNT",
        "10000",
        "Deliveries at a time beyond which the shop sends nobody here",
    ),
    variable(
        "MAX_STREAMS_PER_LEASE",
        "COUNT",
        "8",
        "Deliveries at a time by one lease; more of them wait",
    ),
    variable(
        "MAX_CONNECTIONS",
        "COUNT",
        "20000",
        "Connections at a time; the next one takes the place of the longest idle one",
    ),
    variable(
        "MAX_CONNECTIONS_PER_ADDRESS",
        "COUNT",
        "0",
        "The same for each client's address (IPv6: its /64); 0 for no limit",
    ),
    variable(
        "HEAD_TIMEOUT_SECS",
        "SECONDS",
        "15",
        "How long a connection may take to send a request, from its beginning or the last answer",
    ),
    variable(
        "PEER_TIMEOUT_SECS",
        "SECONDS",
        "60",
        "A client that acknowledges no byte for so long is gone",
    ),
    variable(
        "TRUSTED_PROXIES",
        "CIDR,…",
        "",
        "Proxies whose X-Forwarded-For and X-Request-Id are believed",
    ),
    variable(
        "DRAIN_SECS",
        "SECONDS",
        "30",
        "How long running deliveries may take to finish at a stop",
    ),
    variable(
        "WORKERS",
        "COUNT",
        "",
        "Threads that serve requests; by default one for each core",
    ),
    variable(
        "TLS_CERT",
        "PATH",
        "",
        "Certificates in PEM, to speak TLS without a proxy; read again on SIGHUP (feature tls)",
    ),
    variable(
        "TLS_KEY",
        "PATH",
        "",
        "Private key in PEM of the first of them",
    ),
    variable(
        "METRICS_LISTEN",
        "ADDRESS:PORT",
        "",
        "Where /metrics is served, for Prometheus; nowhere without it",
    ),
];
