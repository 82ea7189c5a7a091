//! An nginx of the test's own: its own folder, a free port, no trace afterwards.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant, UNIX_EPOCH},
};

use tests::programs::Running;
use uuid::Uuid;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running nginx that serves files.
pub(crate) struct Nginx {
    pub(crate) address: SocketAddr,
    _running: Running,
    _folder: Folder,
}

/// A folder that is gone when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Nginx {
    /// One that serves `files`, last modified at `modified_at` (seconds since 1970), as PDF.
    pub(crate) async fn start(program: &Path, files: &[(&str, Vec<u8>)], modified_at: u64) -> Self {
        let folder = Folder(std::env::temp_dir().join(format!("claimcheck-{}", Uuid::new_v4())));
        fs::create_dir_all(folder.0.join("files")).unwrap();
        let modified_at = UNIX_EPOCH + Duration::from_secs(modified_at);
        for (name, content) in files {
            let path = folder.0.join("files").join(name);
            fs::write(&path, content).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(modified_at).unwrap();
        }
        // A port that is free now is taken by others at times.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            drop(listener);
            fs::write(
                folder.0.join("nginx.conf"),
                configuration(&folder.0, address),
            )
            .unwrap();
            let path = |name| folder.0.join(name).display().to_string();
            let arguments = [
                "-p".to_owned(),
                path(""),
                "-c".to_owned(),
                path("nginx.conf"),
                "-e".to_owned(),
                path("error.log"),
            ];
            let running = Running::start(program, &arguments, Stdio::null());
            if is_up(address, &folder.0).await {
                return Self {
                    address,
                    _running: running,
                    _folder: folder,
                };
            }
        }
        let log = fs::read_to_string(folder.0.join("error.log"));
        panic!("nginx does not start: {log:?}");
    }
}

/// True once `nginx.pid` is there and it answers; false when its log says why it will not.
async fn is_up(address: SocketAddr, folder: &Path) -> bool {
    let started_at = Instant::now();
    while started_at.elapsed() < PATIENCE {
        let is_ours = fs::metadata(folder.join("nginx.pid")).is_ok_and(|pid| pid.len() > 0);
        if is_ours && TcpStream::connect(address).is_ok() {
            return true;
        }
        let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
        if log.contains("[emerg]") {
            let _ = fs::remove_file(folder.join("error.log"));
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

fn configuration(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
        master_process off;
        pid {folder}/nginx.pid;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            types {{}}
            default_type application/pdf;
            server {{
                listen {address};
                root {folder}/files;
            }}
        }}"
    )
}
