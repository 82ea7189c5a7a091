//! The one client of all servers; it has a core to itself.

pub(crate) mod connection;
pub(crate) mod head;
pub(crate) mod many;
pub(crate) mod slow;
