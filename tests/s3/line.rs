//! A bad line between a download server and its bucket.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A relay on a port of its own, on the runtime of its test.
#[derive(Clone)]
pub(crate) struct Line {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    server: SocketAddr,
    n_answered: AtomicU64,
    n_connections: AtomicU64,
    /// Bytes of answers after which the next connection breaks, once.
    cut: AtomicU64,
    /// The same, for falling silent.
    silence: AtomicU64,
    /// Bytes of requests after which the next connection breaks, once.
    cut_asking: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Line {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(State {
                server,
                n_answered: AtomicU64::new(0),
                n_connections: AtomicU64::new(0),
                cut: AtomicU64::new(NEVER),
                silence: AtomicU64::new(NEVER),
                cut_asking: AtomicU64::new(NEVER),
            }),
        };
        let state = Arc::clone(&line.state);
        actix_web::rt::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                state.n_connections.fetch_add(1, Ordering::SeqCst);
                actix_web::rt::spawn(Arc::clone(&state).carry(client));
            }
        });
        line
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks a connection after `n_bytes` of answers.
    pub(crate) fn cut_after(&self, n_bytes: u64) {
        self.state.cut.store(n_bytes, Ordering::SeqCst);
    }

    /// Breaks a connection after `n_bytes` of requests.
    pub(crate) fn cut_asking_after(&self, n_bytes: u64) {
        self.state.cut_asking.store(n_bytes, Ordering::SeqCst);
    }

    /// Lets a connection fall silent after `n_bytes` of answers; it stays open.
    pub(crate) fn silent_after(&self, n_bytes: u64) {
        self.state.silence.store(n_bytes, Ordering::SeqCst);
    }

    /// Bytes of answers that were carried.
    pub(crate) fn n_answered(&self) -> u64 {
        self.state.n_answered.load(Ordering::SeqCst)
    }

    pub(crate) fn n_connections(&self) -> u64 {
        self.state.n_connections.load(Ordering::SeqCst)
    }
}

impl State {
    async fn carry(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.server).await else {
            return;
        };
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let asking = async {
            let mut buffer = vec![0; 64 * 1024];
            let mut n_carried = 0;
            while let Ok(n_read @ 1..) = from_client.read(&mut buffer).await {
                n_carried += n_read as u64;
                if is_due(&self.cut_asking, n_carried)
                    || to_server.write_all(&buffer[..n_read]).await.is_err()
                {
                    break;
                }
            }
        };
        let answering = async {
            let mut buffer = vec![0; 64 * 1024];
            let mut n_carried = 0;
            while let Ok(n_read @ 1..) = from_server.read(&mut buffer).await {
                let n_left = self.limit().saturating_sub(n_carried);
                let n_passing = usize::try_from(n_left).unwrap_or(n_read).min(n_read);
                if to_client.write_all(&buffer[..n_passing]).await.is_err() {
                    break;
                }
                n_carried += n_passing as u64;
                self.n_answered
                    .fetch_add(n_passing as u64, Ordering::SeqCst);
                if is_due(&self.cut, n_carried) {
                    break;
                }
                if is_due(&self.silence, n_carried) {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            () = asking => {}
            () = answering => {}
        }
    }

    /// No connection brings more of an answer until something has happened.
    fn limit(&self) -> u64 {
        let cut = self.cut.load(Ordering::SeqCst);
        cut.min(self.silence.load(Ordering::SeqCst))
    }
}

/// True once.
fn is_due(after: &AtomicU64, n_carried: u64) -> bool {
    let at = after.load(Ordering::SeqCst);
    n_carried >= at
        && after
            .compare_exchange(at, NEVER, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
}
