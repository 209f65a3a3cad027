//! Whose certificate is accepted: one that leads to a trusted root, or the very one that was named by its fingerprint.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::VerifierBuilderError;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::settings::Fingerprint;

/// A certificate that is not accepted.
#[derive(Clone, Debug)]
pub struct Rejected {
    why: CertificateError,
    host: String,
    fingerprint: Fingerprint,
    self_signed: bool,
    pinned: Option<Fingerprint>,
}

/// As rustls asks for it: the usual check, or the comparison with a fingerprint; the handshake's signature is checked in both
/// cases (a certificate is public, and proves nothing without its key).
#[derive(Debug)]
pub(super) struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    pinned: Option<Fingerprint>,
}

impl Verifier {
    pub(super) fn new(
        roots: RootCertStore,
        pinned: Option<Fingerprint>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        Ok(Self {
            usual: builder.build()?,
            pinned,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint(Sha256::digest(leaf).into());
        let why = match self.pinned {
            Some(pinned) if pinned == fingerprint => return Ok(ServerCertVerified::assertion()),
            Some(_other) => CertificateError::ApplicationVerificationFailure,
            None => match self
                .usual
                .verify_server_cert(leaf, intermediates, name, ocsp, now)
            {
                Err(Error::InvalidCertificate(why)) => why,
                other => return other,
            },
        };
        let rejected = Rejected {
            why,
            host: name.to_str().into_owned(),
            fingerprint,
            self_signed: is_self_signed(leaf),
            pinned: self.pinned,
        };
        let inside = OtherError(Arc::new(rejected));
        Err(Error::InvalidCertificate(CertificateError::Other(inside)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

impl Rejected {
    /// What the verifier put into an error of the handshake.
    pub(super) fn inside(error: &Error) -> Option<Self> {
        let Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error else {
            return None;
        };
        inner.downcast_ref::<Self>().cloned()
    }

    fn date(time: UnixTime) -> String {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        chrono::DateTime::from_timestamp(seconds, 0)
            .map_or_else(String::new, |time| time.format("%Y-%m-%d").to_string())
    }
}

impl std::error::Error for Rejected {}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host, fingerprint, ..
        } = self;
        if let Some(pinned) = self.pinned {
            return write!(
                f,
                "the server's certificate is {fingerprint}, not {pinned} as --tls-fingerprint says"
            );
        }
        let remedy =
            format!("if it is your server's all the same, accept it with --tls-fingerprint {fingerprint}");
        match &self.why {
            CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                let names = presented
                    .iter()
                    .map(|name| plain_name(name))
                    .collect::<Vec<_>>()
                    .join(", ");
                write!(
                    f,
                    "the certificate is for {names}, not for {host}: use that name as --host; {remedy}"
                )
            }
            CertificateError::NotValidForNameContext { .. } | CertificateError::NotValidForName => {
                write!(f, "the certificate names no host, so not {host} either; {remedy}")
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                let day = Self::date(*not_after);
                write!(
                    f,
                    "the certificate expired on {day}: it has to be renewed on the server; {remedy}"
                )
            }
            CertificateError::NotValidYetContext { not_before, .. } => {
                let day = Self::date(*not_before);
                write!(
                    f,
                    "the certificate is valid from {day} on: check this machine's clock; {remedy}"
                )
            }
            _ if self.self_signed => write!(f, "the certificate is self-signed; {remedy}"),
            CertificateError::UnknownIssuer => write!(
                f,
                "nobody whom this machine trusts has signed the certificate: name the signer's with --ca-file; {remedy}"
            ),
            other => write!(f, "the certificate is not accepted: {other}; {remedy}"),
        }
    }
}

/// webpki gives names as `DnsName("mx.example.jp")`, `IpAddress(192.0.2.1)`.
fn plain_name(name: &str) -> String {
    let inside = name
        .split_once('(')
        .and_then(|(_kind, rest)| rest.strip_suffix(')'));
    let plain = inside.unwrap_or(name).trim_matches('"');
    plain.chars().filter(|c| !c.is_control()).collect()
}

/// Issuer and subject are the same (RFC 5280 §4.1): rustls does not say so by itself.
fn is_self_signed(certificate: &[u8]) -> bool {
    let names = || {
        let (tbs, _signature) = element(element(certificate)?.0)?;
        let mut rest = tbs;
        // The version is left out in certificates of version 1.
        if rest.first() == Some(&0xa0) {
            rest = element(rest)?.1;
        }
        let after_serial = element(rest)?.1;
        let after_algorithm = element(after_serial)?.1;
        let (issuer, after_issuer) = element(after_algorithm)?;
        let after_validity = element(after_issuer)?.1;
        Some((issuer, element(after_validity)?.0))
    };
    names().is_some_and(|(issuer, subject)| issuer == subject)
}

/// One element of DER: its content, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[_tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        _long => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let add = |sum: usize, &digit: &u8| sum.checked_mul(256)?.checked_add(usize::from(digit));
            (digits.iter().try_fold(0, add)?, rest)
        }
    };
    rest.split_at_checked(length)
}
