//! A second handle on a request's socket, to end a connection without an answer.

use std::any::Any;

use actix_web::{HttpRequest, dev::Extensions, rt::net::TcpStream};
use rustix::{
    fd::{AsFd, OwnedFd},
    net::{Shutdown, shutdown},
};

/// The socket a request came by.
#[derive(Debug)]
struct Socket(OwnedFd);

/// Remembers the socket of a new connection, for [`close`].
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
