//! TLS 1.2 and 1.3 by rustls, with a certificate that can be changed while the server runs.

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
};

use actix_http::Protocol;
use anyhow::Context;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::{Socket, Transport};
use crate::config::CertificateFiles;

/// What is spoken within, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The certificate that new connections are shown.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: CertificateFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Certificates {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// A file cannot be read, is not PEM, or the two do not belong together.
    pub(crate) fn load(files: CertificateFiles) -> anyhow::Result<Self> {
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// Reads both files again, for connections that begin from now on.
    ///
    /// # Errors
    /// As [`Certificates::load`]; the last good certificate stays.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        let config = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Agrees on TLS, and on HTTP/1.1 or HTTP/2, with a new client.
    pub(crate) async fn greet(&self, socket: Socket) -> io::Result<(Transport, Protocol)> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let stream = TlsAcceptor::from(config).accept(socket).await?;
        let (socket, agreed) = stream.get_ref();
        let http2 = agreed.alpn_protocol() == Some(b"h2");
        socket.greeted(http2);
        let protocol = if http2 {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        Ok((Transport::Tls(Box::new(stream)), protocol))
    }
}

fn read(files: &CertificateFiles) -> anyhow::Result<Arc<ServerConfig>> {
    let CertificateFiles { certificates, key } = files;
    let cannot = |path: &std::path::Path| format!("{} cannot be used", path.display());
    let chain = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| cannot(certificates))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "{} holds no certificate in PEM",
        certificates.display()
    );
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| cannot(key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .context("the key is not the certificate's")?;
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}
