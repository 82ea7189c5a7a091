//! HTTP/1.1 by hand, so that a test decides what is sent and sees what comes, byte by byte.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An answer as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The one header of that name, given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} came twice");
        value
    }

    /// All headers but the date, sorted.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let headers = self.headers.iter().filter(|(name, _)| name != "date");
        let mut headers: Vec<_> = headers.cloned().collect();
        headers.sort();
        headers
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        problem["code"].as_str().unwrap().to_owned()
    }

    /// `name=value` of the cookie set, as a browser sends it back.
    pub(crate) fn cookie(&self) -> String {
        let header = self
            .header("set-cookie")
            .unwrap_or_else(|| panic!("no cookie: {self:?}"));
        header.split(';').next().unwrap().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// The text of a request for one answer on a connection of its own.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let headers = headers.concat();
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
}

/// Sends `request` and reads the answer; fails when the connection ends before it is whole.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let answer = parse(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
    let announced = answer
        .header("content-length")
        .map(|length| length.parse::<usize>().unwrap());
    let bodiless = request.starts_with("HEAD ") || answer.status == 304;
    let expected = if bodiless { Some(0) } else { announced };
    if expected.is_some_and(|expected| expected != answer.body.len()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

/// All answers that came over one connection; each says its length.
pub(crate) fn answers_in(mut bytes: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(mut answer) = parse(bytes) {
        let n_bytes: usize = answer.header("content-length").unwrap().parse().unwrap();
        let head = bytes.len() - answer.body.len();
        bytes = &bytes[head + n_bytes..];
        answer.body.truncate(n_bytes);
        answers.push(answer);
    }
    assert_eq!(bytes, b"", "half an answer");
    answers
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = bytes.split_at(end + 4);
    let head = std::str::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Some(Answer {
        status,
        headers,
        body: body.to_vec(),
    })
}
