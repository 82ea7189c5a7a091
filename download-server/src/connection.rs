//! A second handle on a request's socket: whether its client is still there, and how to end it.

use std::any::Any;

use actix_web::{HttpRequest, dev::Extensions, rt::net::TcpStream};
use rustix::{
    fd::{AsFd, OwnedFd},
    net::{RecvFlags, Shutdown, recv, shutdown},
};

/// The socket a request came by.
#[derive(Debug)]
struct Socket(OwnedFd);

/// Remembers the socket of a new connection, for [`close`] and [`has_hung_up`].
pub(crate) fn remember(io: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = io.downcast_ref::<TcpStream>() else {
        return;
    };
    match stream.as_fd().try_clone_to_owned() {
        Ok(socket) => {
            extensions.insert(Socket(socket));
        }
        Err(error) => tracing::warn!(%error, "a connection cannot be remembered"),
    }
}

/// Ends the request's connection: whatever is answered after this is never sent.
pub(crate) fn close(request: &HttpRequest) {
    let Some(Socket(socket)) = request.conn_data() else {
        return;
    };
    if let Err(error) = shutdown(socket, Shutdown::Both) {
        tracing::debug!(%error, "the connection had ended");
    }
}

/// True when the client has ended its side of the connection and everything it sent was read.
///
/// A client that went away looks like one that only says it will send nothing more (`nc -N`): both
/// have sent the same FIN.
pub(crate) fn has_hung_up(request: &HttpRequest) -> bool {
    let Some(Socket(socket)) = request.conn_data() else {
        return false;
    };
    let mut next = [0_u8; 1];
    // "Nothing yet" is an error of its own, and a broken connection is noticed by the next write.
    recv(socket, &mut next, RecvFlags::PEEK | RecvFlags::DONTWAIT)
        .is_ok_and(|(_, n_bytes)| n_bytes == 0)
}
