//! A bare `sendfile` loop: one connection at a time, and only what must be done for it.

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
};

use anyhow::{Context, ensure};
use rustix::{buffer::spare_capacity, event::epoll, fd::OwnedFd, fs::sendfile, io::Errno};
use socket2::SockRef;

pub(super) fn serve(address: SocketAddr, file: &Path) -> anyhow::Result<()> {
    let file = File::open(file)?;
    let listener = TcpListener::bind(address)?;
    for stream in listener.incoming() {
        // A client that has had enough hangs up.
        if let Err(error) = connection(stream?, &file) {
            println!("{error:#}");
        }
    }
    Ok(())
}

fn connection(mut stream: TcpStream, file: &File) -> anyhow::Result<()> {
    let size = file.metadata()?.len();
    stream.set_nodelay(true)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let (data, edge) = (epoll::EventData::new_u64(0), epoll::EventFlags::ET);
    epoll::add(&poll, &stream, data, epoll::EventFlags::OUT | edge)?;
    while let Some(path) = read_request(&mut stream)? {
        if path == "/ready" {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        let (chunk, lowat) = path[1..].split_once('/').context("/chunk/lowat")?;
        SockRef::from(&stream).set_tcp_notsent_lowat(lowat.parse()?)?;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")?;
        stream.set_nonblocking(true)?;
        send(&stream, &poll, file, size, chunk.parse()?)?;
        stream.set_nonblocking(false)?;
    }
    Ok(())
}

fn send(
    stream: &TcpStream,
    poll: &OwnedFd,
    file: &File,
    size: u64,
    chunk: usize,
) -> anyhow::Result<()> {
    let mut events = Vec::with_capacity(1);
    let mut position = 0;
    while position < size {
        match sendfile(stream, file, Some(&mut position), chunk) {
            Ok(n_bytes) => ensure!(n_bytes > 0, "the file is shorter than it was"),
            Err(Errno::AGAIN) => {
                events.clear();
                epoll::wait(poll, spare_capacity(&mut events), None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The path of the next request; `None` when there is none.
fn read_request(stream: &mut TcpStream) -> anyhow::Result<Option<String>> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            n_bytes => request.extend_from_slice(&buffer[..n_bytes]),
        }
    }
    let request = String::from_utf8(request)?;
    let path = request.split(' ').nth(1).context("a request line")?;
    Ok(Some(path.to_owned()))
}
