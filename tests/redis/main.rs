//! Sessions in a real Redis, over a socket.
//!
//! First what `tests/http` claims of sessions: the same code, and every shop of this program keeps
//! its sessions in Redis. Then what only a second store can do: die, come back with less than it
//! knew, be moved to.

#[path = "../http/accounts.rs"]
mod accounts;
#[path = "../http/confirm.rs"]
mod confirm;
mod faults;
mod kept;
#[path = "../http/races.rs"]
mod races;
#[path = "../http/rotation.rs"]
mod rotation;
#[path = "../http/session_list.rs"]
mod session_list;
#[path = "../http/sessions.rs"]
mod sessions;
