//! TLS 1.2 and 1.3 by rustls: a listener's certificate, read from files and read again when they change.
//!
//! Connections keep what they began with; a pair of files that cannot be used leaves the last one in
//! force and is logged once. What is spoken inside is chosen by ALPN (RFC 7301).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::TlsFiles;
use crate::runtime::{Clock, Shutdown};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Files larger than this are no certificate and no key.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// HTTP/2 over TLS (RFC 9113 §3.2) and HTTP/1.1.
pub(super) const ALPN_H2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Why a listener's certificate cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is larger than any certificate.
    #[error("{path} is larger than 1MiB")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not the text form of certificates and keys.
    #[error("{path} is no PEM file: {error}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rustls::pki_types::pem::Error,
    },
    /// No certificate in its file.
    #[error(
        "{path} holds no certificate: it must be PEM with the server's own first, then its issuers"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// No key in its file.
    #[error("{path} holds no private key: it must be PEM without a password")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A key TLS cannot sign with.
    #[error(
        "the key in {path} cannot be used: RSA of 2048 bits or more, ECDSA (P-256, P-384, P-521) and Ed25519 can"
    )]
    KeyKind {
        /// The file.
        path: PathBuf,
    },
    /// The key is another certificate's.
    #[error("the key in {key} does not belong to the first certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A certificate that is none.
    #[error("the first certificate in {path} is malformed")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The library refuses the versions of the protocol.
    #[error("TLS cannot be set up: {0}")]
    Library(rustls::Error),
}

/// A listener's TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificate: Arc<Certificate>,
}

/// The certificate in force.
#[derive(Debug)]
struct Certificate {
    files: TlsFiles,
    current: ArcSwap<CertifiedKey>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl Tls {
    /// Reads a listener's files, whose paths begin at `folder`. `http2` says whether it speaks HTTP/2
    /// to who asks for it.
    ///
    /// # Errors
    /// Where the pair cannot be used.
    pub fn load(folder: &Path, files: &TlsFiles, http2: bool) -> Result<Self, CertificateError> {
        let files =
            TlsFiles { certificate: folder.join(&files.certificate), key: folder.join(&files.key) };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = ArcSwap::from_pointee(read(&files, &provider)?);
        let certificate = Arc::new(Certificate { files, current });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Library)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Certificate>::clone(&certificate));
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(CertificateError::Library)?;
        config.alpn_protocols = vec![ALPN_HTTP1.to_vec()];
        if http2 {
            config.alpn_protocols.insert(0, ALPN_H2.to_vec());
        }
        Ok(Tls { config: Arc::new(config), certificate })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// Looks at the files until shutdown, and puts a new pair in force.
    pub async fn watch(self, clock: Clock, shutdown: Shutdown) {
        let mut known = stamps(&self.certificate.files).await;
        let mut pending = None;
        loop {
            let next = clock.now().mono.after(LOOK);
            tokio::select! {
                () = clock.sleep_until(next) => {}
                () = shutdown.wait() => return,
            }
            let now = stamps(&self.certificate.files).await;
            // Two files are never replaced at one instant: they are read when both stand still.
            if now != known && pending.as_ref() == Some(&now) {
                self.reload().await;
                known.clone_from(&now);
            }
            pending = Some(now);
        }
    }

    async fn reload(&self) {
        let files = self.certificate.files.clone();
        let provider = Arc::clone(self.config.crypto_provider());
        let read = tokio::task::spawn_blocking(move || read(&files, &provider)).await;
        let path = self.certificate.files.certificate.display();
        match read {
            Ok(Ok(new)) => {
                self.certificate.current.store(Arc::new(new));
                tracing::info!(%path, "a new certificate is in force");
            }
            Ok(Err(error)) => {
                tracing::warn!("a new certificate cannot be used, the old one stays: {error}");
            }
            Err(error) => tracing::error!(%path, %error, "a certificate could not be read"),
        }
    }
}

/// What tells that a file was written anew: when, and how long it is.
async fn stamps(files: &TlsFiles) -> [Option<(SystemTime, u64)>; 2] {
    let mut stamps = [None, None];
    for (stamp, path) in stamps.iter_mut().zip([&files.certificate, &files.key]) {
        let about = tokio::fs::metadata(path).await.ok();
        *stamp = about.and_then(|about| Some((about.modified().ok()?, about.len())));
    }
    stamps
}

/// Reads a pair and holds one against the other.
fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let path = &files.certificate;
    let text = bytes(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| CertificateError::Pem { path: path.clone(), error })?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate { path: path.clone() });
    }
    let path = &files.key;
    let key = PrivateKeyDer::from_pem_slice(&bytes(path)?).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => {
            CertificateError::NoKey { path: path.clone() }
        }
        error => CertificateError::Pem { path: path.clone(), error },
    })?;
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|_| CertificateError::KeyKind { path: path.clone() })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // A key that does not say its public half cannot be held against the certificate.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::Mismatch {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        }),
        Err(_) => Err(CertificateError::Malformed { path: files.certificate.clone() }),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let failed = |error| CertificateError::Read { path: path.to_owned(), error };
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(CertificateError::TooLarge { path: path.to_owned() });
    }
    std::fs::read(path).map_err(failed)
}
