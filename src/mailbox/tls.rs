//! The connection itself: TCP, TLS, and whose certificate is accepted; errors say in words what is wrong with it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::certificate::{Rejected, Verifier};
use super::settings::Fingerprint;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no connection, or none that may be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unconnected {
    /// The name has no address.
    #[error("host {host} is unknown ({why}); check the name")]
    UnknownHost {
        /// The name.
        host: String,
        /// The resolver's words.
        why: io::Error,
    },
    /// Nobody listens there, or the way is blocked.
    #[error("cannot connect to {at}: {why}; check host, port and firewall")]
    Refused {
        /// Host and port.
        at: String,
        /// The system's words.
        why: io::Error,
    },
    /// No connection in time.
    #[error("{at} did not answer within {} s; check host, port and firewall", .after.as_secs())]
    Timeout {
        /// Host and port.
        at: String,
        /// How long was waited.
        after: Duration,
    },
    /// The server's certificate is not accepted.
    #[error("{at}: {why}")]
    Certificate {
        /// Host and port.
        at: String,
        /// What is wrong with it, and the remedy.
        why: Box<Rejected>,
    },
    /// No TLS is spoken there.
    #[error("{at} does not speak TLS from the start; use --tls starttls (port 143 does that) or port 993")]
    NoTls {
        /// Host and port.
        at: String,
    },
    /// The handshake failed otherwise.
    #[error("{at}: no TLS connection: {why}")]
    Handshake {
        /// Host and port.
        at: String,
        /// What was wrong.
        why: String,
    },
    /// The host is neither a name nor an address.
    #[error("{0:?} is no host name")]
    HostName(String),
    /// The file of further roots cannot be used.
    #[error("--ca-file {}: {why}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Neither the platform nor `--ca-file` names a root that can be used.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl Unconnected {
    /// Whether it may be otherwise in a minute.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::UnknownHost { .. }
            | Self::Refused { .. }
            | Self::Timeout { .. }
            | Self::Handshake { .. } => true,
            Self::Certificate { .. }
            | Self::NoTls { .. }
            | Self::HostName(_)
            | Self::CaFile { .. }
            | Self::Setup(_) => false,
        }
    }
}

/// A TCP connection, encrypted or not.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(test)]
    Memory(tokio::io::DuplexStream),
}

/// Connects; the address that answered comes along.
pub(super) async fn connect(host: &str, port: u16) -> Result<(TcpStream, SocketAddr), Unconnected> {
    let at = format!("{host}:{port}");
    let found = match timeout(CONNECT_TIMEOUT, lookup_host((host, port))).await {
        Ok(found) => found,
        Err(_elapsed) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "no answer from the resolver",
        )),
    };
    let unknown = |why| Unconnected::UnknownHost {
        host: host.to_owned(),
        why,
    };
    let addresses = found.map_err(unknown)?;
    let mut last = unknown(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    for address in addresses {
        last = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // Each command is one small write that must not wait for the answer to the one before.
                tcp.set_nodelay(true)
                    .map_err(|why| Unconnected::Refused { at: at.clone(), why })?;
                return Ok((tcp, address));
            }
            Ok(Err(why)) => Unconnected::Refused { at: at.clone(), why },
            Err(_elapsed) => Unconnected::Timeout {
                at: at.clone(),
                after: CONNECT_TIMEOUT,
            },
        };
    }
    Err(last)
}

/// Whom to trust.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trust<'a> {
    pub(super) ca_file: Option<&'a Path>,
    pub(super) fingerprint: Option<Fingerprint>,
}

/// Encrypts a connection.
pub(super) async fn encrypt(
    tcp: TcpStream,
    host: &str,
    port: u16,
    trust: Trust<'_>,
) -> Result<Wire, Unconnected> {
    let at = || format!("{host}:{port}");
    // `192.0.2.1` and `2001:db8::1` are names of their own kind in a certificate.
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_invalid| Unconnected::HostName(host.to_owned()))?;
    let connector = TlsConnector::from(Arc::new(client_config(trust)?));
    match timeout(HANDSHAKE_TIMEOUT, connector.connect(name, tcp)).await {
        Ok(Ok(stream)) => Ok(Wire::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(refused(&error, at())),
        Err(_elapsed) => Err(Unconnected::Timeout {
            at: at(),
            after: HANDSHAKE_TIMEOUT,
        }),
    }
}

/// What TLS itself says in an error of reading or writing.
pub(super) fn failure(error: &io::Error) -> Option<String> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(inner.to_string())
}

fn refused(error: &io::Error, at: String) -> Unconnected {
    let Some(inner) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    else {
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
            _other => error.to_string(),
        };
        return Unconnected::Handshake { at, why };
    };
    if let Some(why) = Rejected::inside(inner) {
        return Unconnected::Certificate {
            at,
            why: Box::new(why),
        };
    }
    match inner {
        rustls::Error::InvalidMessage(_) => Unconnected::NoTls { at },
        other => Unconnected::Handshake {
            at,
            why: other.to_string(),
        },
    }
}

fn client_config(trust: Trust<'_>) -> Result<ClientConfig, Unconnected> {
    let setup = |error: &dyn std::fmt::Display| Unconnected::Setup(error.to_string());
    // With several providers in the build the default one panics at run time.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = roots(platform(), trust.ca_file)?;
    let verifier = Verifier::new(roots, trust.fingerprint, &provider).map_err(|error| setup(&error))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| setup(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// What the platform trusts, an administrator's own roots and `SSL_CERT_FILE` among it; nothing in a bare container.
fn platform() -> Vec<CertificateDer<'static>> {
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a root certificate of the platform cannot be read");
    }
    native.certs
}

/// The platform's roots, Mozilla's where it has none that can be used, and the user's.
fn roots(
    platform: Vec<CertificateDer<'static>>,
    ca_file: Option<&Path>,
) -> Result<RootCertStore, Unconnected> {
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(platform);
    tracing::debug!(added, ignored, "roots of the platform");
    if added == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        let unusable = |why: String| Unconnected::CaFile {
            path: path.to_owned(),
            why,
        };
        let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| unusable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unusable("there is no certificate (PEM) in it".to_owned()));
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| unusable(error.to_string()))?;
        }
    }
    Ok(roots)
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    use sha2::{Digest, Sha256};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion, crypto::ring};

    use super::{Fingerprint, Trust, Unconnected, connect, encrypt, roots};

    /// A certificate for `name`, signed by `signer`, or by itself and a CA as OpenSSL makes them.
    fn certificate(name: &str, signer: Option<&Issuer<'_, KeyPair>>) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        let made = match signer {
            Some(signer) => params.signed_by(&key, signer),
            None => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.self_signed(&key)
            }
        };
        (made.unwrap().into(), key)
    }

    fn pem(certificate: &CertificateDer<'_>) -> String {
        let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, certificate);
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    }

    async fn tried(
        certificate: (CertificateDer<'static>, KeyPair),
        trust: Trust<'_>,
    ) -> Result<(), Unconnected> {
        tried_with(certificate, trust, ALL_VERSIONS).await
    }

    /// What comes of connecting to `localhost`, where a server has this certificate and speaks these versions.
    async fn tried_with(
        (certificate, key): (CertificateDer<'static>, KeyPair),
        trust: Trust<'_>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<(), Unconnected> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let server = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            TlsAcceptor::from(Arc::new(config)).accept(tcp).await.map(drop)
        });
        let (tcp, _) = connect("127.0.0.1", port).await.unwrap();
        let outcome = encrypt(tcp, "localhost", port, trust).await.map(drop);
        // Refused or not, the server's side is over as well.
        let _either = server.await.unwrap();
        outcome
    }

    fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }

    #[tokio::test]
    async fn a_certificate_of_a_named_authority_is_accepted_for_its_names_alone() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Shop CA");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, params.self_signed(&key).unwrap().pem()).unwrap();
        let signer = Issuer::new(params, key);
        let trust = Trust {
            ca_file: Some(&path),
            fingerprint: None,
        };
        tried(certificate("localhost", Some(&signer)), trust)
            .await
            .unwrap();
        let other = tried(certificate("mail.hosting.example.jp", Some(&signer)), trust).await;
        let words = other.unwrap_err().to_string();
        assert!(
            words.contains("is for mail.hosting.example.jp, not for localhost"),
            "{words}"
        );
        let unknown = tried(certificate("localhost", Some(&signer)), Trust::default()).await;
        assert!(
            unknown
                .unwrap_err()
                .to_string()
                .contains("name the signer's with --ca-file")
        );
    }

    #[test]
    fn mozillas_roots_stand_in_where_the_platform_has_none_and_not_beside_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let own = certificate("Shop CA", None).0;
        std::fs::write(&path, pem(&own)).unwrap();
        let trusted = |platform: &[CertificateDer<'static>], ca_file| {
            let roots = roots(platform.to_vec(), ca_file).unwrap();
            let names: Vec<String> = roots
                .roots
                .iter()
                .map(|root| String::from_utf8_lossy(&root.subject).into_owned())
                .collect();
            // Let's Encrypt's and one of the oldest that are left.
            let has = |name: &str| names.iter().any(|known| known.contains(name));
            (has("ISRG Root X1") && has("DigiCert Global Root G2"), names.len())
        };
        let (mozilla, all) = trusted(&[], None);
        assert!(mozilla && all > 50, "{all}");
        // What cannot be read is as good as nothing.
        let garbage = CertificateDer::from(b"no certificate".to_vec());
        assert_eq!(trusted(&[garbage], None), (true, all));
        // The user's own comes on top.
        assert_eq!(trusted(&[], Some(&path)), (true, all + 1));
        // An administrator who trusts one authority does not trust Mozilla's by that.
        assert_eq!(trusted(&[own], None), (false, 1));
    }

    #[tokio::test]
    async fn tls_1_2_and_1_3_are_spoken() {
        for version in ALL_VERSIONS {
            let own = certificate("localhost", None);
            let trust = Trust {
                ca_file: None,
                fingerprint: Some(fingerprint(&own.0)),
            };
            tried_with(own, trust, &[version]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_self_signed_certificate_is_accepted_by_its_fingerprint_alone() {
        let own = certificate("localhost", None);
        let right = fingerprint(&own.0);
        let words = tried(own, Trust::default()).await.unwrap_err().to_string();
        assert!(words.contains(&format!("is self-signed; if it is your server's all the same, accept it with --tls-fingerprint {right}")), "{words}");
        let pinned = |fingerprint| Trust {
            ca_file: None,
            fingerprint: Some(fingerprint),
        };
        // Its name does not count then.
        let own = certificate("mail.hosting.example.jp", None);
        let right = fingerprint(&own.0);
        tried(own, pinned(right)).await.unwrap();
        let words = tried(certificate("localhost", None), pinned(right))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            words.contains(&format!("not {right} as --tls-fingerprint says")),
            "{words}"
        );
    }

    #[tokio::test]
    async fn a_stolen_certificate_without_its_key_is_refused() {
        let (stolen, _key) = certificate("localhost", None);
        let trust = Trust {
            ca_file: None,
            fingerprint: Some(fingerprint(&stolen)),
        };
        let config = crate::mailbox::tls::client_config(trust).unwrap();
        let signing_key = ring::sign::any_supported_type(&PrivateKeyDer::Pkcs8(
            KeyPair::generate().unwrap().serialize_der().into(),
        ))
        .unwrap();
        // rustls refuses to serve a certificate with another's key, so that the two are put together below its check.
        let thief = tokio_rustls::rustls::sign::CertifiedKey::new(vec![stolen], signing_key);
        let resolver = tokio_rustls::rustls::sign::SingleCertAndKey::from(thief);
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        let (near, far) = tokio::io::duplex(65_536);
        let accept =
            tokio::spawn(async move { TlsAcceptor::from(Arc::new(server)).accept(far).await.map(drop) });
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let refused = connector
            .connect("localhost".try_into().unwrap(), near)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("BadSignature"), "{refused}");
        accept.await.unwrap().unwrap_err();
    }

    #[tokio::test]
    async fn a_closed_port_and_an_unknown_host_are_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let closed = connect("127.0.0.1", port).await.unwrap_err().to_string();
        assert!(
            closed.starts_with(&format!("cannot connect to 127.0.0.1:{port}: Connection refused")),
            "{closed}"
        );
        let unknown = connect("no-such-host.invalid", 993)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            unknown.starts_with("host no-such-host.invalid is unknown"),
            "{unknown}"
        );
    }
}
