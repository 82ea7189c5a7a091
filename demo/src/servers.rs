//! Both servers in one process, each on a listener of its own.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use app_server::{
    config::{Config as AppConfig, mail::Transport},
    mail::kept::Kept,
};
use download_server::config::{Config as DownloadConfig, Jwks, LeaseKey};
use shared::{clock::Clock, file_store::StorageKey};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{doors::Doors, say, secrets};

/// Somebody waits at the terminal for the end.
const DRAIN: Duration = Duration::from_secs(1);

/// SIGINT or SIGTERM.
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// Watches for both from now on.
    pub fn watch() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next of them.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Serves until `stop`; a second signal does not wait for what is running.
///
/// `open` is called once the shop would sell and deliver.
pub async fn serve(
    doors: Doors,
    mut config: AppConfig,
    directory: &Path,
    stop: &mut Stop,
    open: impl FnOnce(),
) -> Result<()> {
    config.drain = DRAIN;
    // Nothing leaves this machine, whatever SMTP_URL says: /dev/mail shows what would have.
    config.mail.transport = Transport::Memory(Kept::default());
    let mut downloads = DownloadConfig::new(
        doors.download_url,
        doors.app_url,
        Jwks::Issuer,
        &config.files_url,
    );
    downloads.listen = doors.download.local_addr()?;
    downloads.drain = DRAIN;
    downloads.quiet = Duration::ZERO;
    let key_file = directory.join("lease-key");
    let lease_key = LeaseKey::parse(&secrets::key(&key_file)?);
    let lease_key =
        lease_key.with_context(|| format!("{} is not 32 bytes in base64", key_file.display()))?;
    downloads.lease_key = Some(lease_key);

    let app = app_server::start(config, Clock::system(), doors.app)?;
    let download = download_server::start(downloads, Clock::system(), doors.download).await?;
    tokio::select! {
        () = until_downloads_begin(&app) => open(),
        () = stop.asked() => {
            app.kill().await;
            download.kill().await;
            return Ok(());
        }
    }

    stop.asked().await;
    say("\nstopping");
    let drained = async { tokio::join!(app.drain(), download.drain()) };
    tokio::select! {
        _ = drained => {}
        () = stop.asked() => {}
    }
    Ok(())
}

/// A download server that just started refuses tokens for some seconds: older ones could be spent.
async fn until_downloads_begin(app: &app_server::Running) {
    let any_file = StorageKey::from_digest([0; 32]);
    let nodes = &app.state().nodes;
    while nodes.pick(&any_file).is_none() {
        tokio::time::sleep(Duration::from_millis(200)).await;
        nodes.probe_all().await;
    }
}
