//! Files in a bucket of a real S3 server, over a socket.
//!
//! First the deliveries of `download-server/tests/suite`: the same code, with another store beneath
//! it. Left out is what never reaches the store: clocks, keys, and tokens that are not ours. Then
//! what only a bucket can do: fall silent, break off, refuse.

#[path = "../../download-server/tests/suite/answers.rs"]
mod answers;
#[path = "../../download-server/tests/suite/delivery.rs"]
#[allow(dead_code, reason = "what only the suites left out need")]
mod delivery;
mod import;
#[path = "../../download-server/tests/suite/leases.rs"]
mod leases;
#[path = "../../download-server/tests/suite/life.rs"]
mod life;
mod line;
#[path = "../../download-server/tests/suite/node.rs"]
#[allow(dead_code, reason = "what only the suites left out need")]
mod node;
#[path = "../../download-server/tests/suite/once.rs"]
mod once;
mod outage;
#[path = "../../download-server/tests/suite/parts.rs"]
mod parts;
mod reading;
mod store;
#[path = "../../download-server/tests/suite/wire.rs"]
#[allow(dead_code, reason = "what only the suites left out need")]
mod wire;
mod writing;
