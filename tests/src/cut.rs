//! A bad line: a relay before a download server that cuts a delivery, or holds everything.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A relay on a port of its own, on a thread of its own.
pub struct Relay {
    address: SocketAddr,
    line: Arc<Line>,
    /// Its end ends the thread.
    _alive: watch::Sender<()>,
}

/// How a delivery is to break off.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// After so many bytes of the answer, its head included.
    pub after_bytes: u64,
    /// In which way.
    pub end: End,
    /// What the line does afterwards.
    pub then: Then,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order, only too early: FIN.
    Finish,
    /// With a reset: RST.
    Reset,
}

/// What the line does after a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Everything passes.
    Pass,
    /// Nothing passes until [`Relay::release`].
    Hold,
}

/// The head of a request that came by.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case, values as sent.
    pub headers: Vec<(String, String)>,
}

#[derive(Debug)]
struct Line {
    state: Mutex<State>,
    held: watch::Sender<bool>,
    n_cuts: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    server: Option<SocketAddr>,
    cuts: VecDeque<Cut>,
    heads: Vec<Head>,
}

impl Relay {
    /// Begins to listen; what it is before is told with [`Relay::lead_to`].
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener of tokio");
        let address = listener.local_addr().expect("bound");
        let line = Arc::new(Line {
            state: Mutex::default(),
            held: watch::Sender::new(false),
            n_cuts: watch::Sender::new(0),
        });
        let (alive, mut end) = watch::channel(());
        let for_thread = Arc::clone(&line);
        // Not on the test's runtime, which stands still while the test waits for a program.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = for_thread.listen(listener) => {}
                    // Ends with an error once the relay is dropped: that is the sign.
                    _ = end.changed() => {}
                }
            });
        });
        Self {
            address,
            line,
            _alive: alive,
        }
    }

    /// Its address, which becomes the download server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where everything goes.
    pub fn lead_to(&self, server: SocketAddr) {
        self.line.state().server = Some(server);
    }

    /// Cuts the next GET of a file that has no cut yet.
    pub fn cut_next(&self, cut: Cut) {
        self.line.state().cuts.push_back(cut);
    }

    /// Returns when so many deliveries have been cut.
    pub async fn until_cut(&self, n_cuts: usize) {
        let mut cuts = self.line.n_cuts.subscribe();
        let reached = cuts.wait_for(|cut| *cut >= n_cuts).await;
        reached.expect("the line lives as long as this");
    }

    /// Lets nothing pass any more, in either direction.
    pub fn hold(&self) {
        self.line.held.send_replace(true);
    }

    /// Lets everything pass again.
    pub fn release(&self) {
        self.line.held.send_replace(false);
    }

    /// The requests for files that came by, in order.
    pub fn requests(&self) -> Vec<Head> {
        let state = self.line.state();
        let files = state.heads.iter().filter(|head| head.is_for_a_file());
        files.cloned().collect()
    }

    /// Tokens and leases that came by: they must be in no log and no database.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for head in self.requests() {
            secrets.extend(head.path.strip_prefix("/d/").map(str::to_owned));
            let lease = head.header("cookie").and_then(|cookies| {
                let (_, lease) = cookies.split_once("claimcheck-lease=")?;
                lease.split(';').next().map(str::to_owned)
            });
            secrets.extend(lease);
        }
        secrets
    }
}

impl Head {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    fn is_for_a_file(&self) -> bool {
        self.path == "/d" || self.path.starts_with("/d/")
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let mut next = || first.next().unwrap_or_default().to_owned();
        Self {
            method: next(),
            path: next(),
            headers: lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        }
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while noting")
    }

    async fn listen(self: Arc<Self>, listener: std::net::TcpListener) {
        let listener = TcpListener::from_std(listener).expect("a listener");
        while let Ok((client, _)) = listener.accept().await {
            let line = Arc::clone(&self);
            tokio::spawn(async move {
                let server = line.state().server;
                let server = server.expect("told where to lead to");
                // So that the server may be another one when the line is good again.
                line.until_released().await;
                // Without a server the client is left alone, as if it had asked the server.
                if let Ok(server) = TcpStream::connect(server).await {
                    line.carry(client, server).await;
                }
            });
        }
    }

    /// Carries one connection to its end, in order or cut.
    async fn carry(&self, mut client: TcpStream, mut server: TcpStream) {
        let mut asked = vec![0; 16 * 1024];
        let mut answered = vec![0; 128 * 1024];
        let mut unread = Vec::new();
        let mut cut: Option<Cut> = None;
        let mut n_answered = 0;
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(n_read @ 1..) = read else { return };
                    unread.extend_from_slice(&asked[..n_read]);
                    if self.note_heads(&mut unread) {
                        (cut, n_answered) = (self.state().cuts.pop_front(), 0);
                    }
                    self.until_released().await;
                    if server.write_all(&asked[..n_read]).await.is_err() { return }
                }
                read = server.read(&mut answered) => {
                    let Ok(n_read @ 1..) = read else { return };
                    self.until_released().await;
                    let left = cut.map_or(u64::MAX, |cut| cut.after_bytes - n_answered);
                    let n_passing = usize::try_from(left).unwrap_or(usize::MAX).min(n_read);
                    if client.write_all(&answered[..n_passing]).await.is_err() { return }
                    n_answered += n_passing as u64;
                    if let Some(cut) = cut && n_answered == cut.after_bytes {
                        self.break_off(&client, cut);
                        return;
                    }
                }
            }
        }
    }

    /// Notes every whole head; true when the last of them asks for a file by GET.
    fn note_heads(&self, unread: &mut Vec<u8>) -> bool {
        let mut delivers = false;
        // No request to a download server has a body.
        while let Some(end) = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = Head::parse(&String::from_utf8_lossy(&unread[..end]));
            unread.drain(..end + 4);
            delivers = head.method == "GET" && head.is_for_a_file();
            self.state().heads.push(head);
        }
        delivers
    }

    fn break_off(&self, client: &TcpStream, cut: Cut) {
        if cut.end == End::Reset {
            client.set_zero_linger().expect("an open socket");
        }
        if cut.then == Then::Hold {
            self.held.send_replace(true);
        }
        self.n_cuts.send_modify(|n_cuts| *n_cuts += 1);
    }

    async fn until_released(&self) {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| !held).await;
    }
}
