//! The same answer of 10 KiB to everything: what the client itself can ask for.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, BorrowedFd},
};

use rustix::{buffer::spare_capacity, event::epoll};

use crate::stage::SMALL_BYTES;

pub(super) fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {SMALL_BYTES}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + usize::try_from(SMALL_BYTES)?, b'x');
    let listener = TcpListener::bind(address)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let watch = |socket: BorrowedFd<'_>, n: usize| {
        let data = epoll::EventData::new_u64(n as u64);
        epoll::add(&poll, socket, data, epoll::EventFlags::IN)
    };
    watch(listener.as_fd(), usize::MAX)?;
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    let mut events = Vec::with_capacity(64);
    let mut buffer = [0; 4096];
    loop {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            if event.data.u64() == usize::MAX as u64 {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                watch(stream.as_fd(), streams.len())?;
                streams.push(Some(stream));
                continue;
            }
            let place = &mut streams[usize::try_from(event.data.u64())?];
            if let Some(stream) = place
                && !exchange(stream, &mut buffer, &answer)?
            {
                *place = None;
            }
        }
    }
}

/// Answers what has come; false when the client is gone. A request of the benchmark comes whole.
fn exchange(stream: &mut TcpStream, buffer: &mut [u8], answer: &[u8]) -> anyhow::Result<bool> {
    match stream.read(buffer) {
        Ok(0) => Ok(false),
        Ok(_) => {
            stream.write_all(answer)?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(_) => Ok(false),
    }
}
