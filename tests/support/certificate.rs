//! Certificates made on the spot: an authority, and servers that it vouches for or not.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// An authority of our own, as an admin has one for the mail server in the office.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate and its key, both PEM.
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Result<Self, rcgen::Error> {
        let mut params = named("bounceaudit test authority", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// Vouches for a server under these names; an address may stand among them.
    pub(crate) fn vouch_for(&self, names: &[&str]) -> Result<Leaf, rcgen::Error> {
        let key = KeyPair::generate()?;
        let first = names.first().copied().unwrap_or("nobody");
        let mut params = named(first, names)?;
        // Python 3.13 asks for it (VERIFY_X509_STRICT), as RFC 5280 §4.2.1.1 does.
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }
}

impl Leaf {
    /// What `openssl req -x509` makes: vouched for by nobody, and marked as an authority.
    #[allow(dead_code, reason = "the demo has no such server")]
    pub(crate) fn self_signed(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = named(name, &[name])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self {
            certificate: params.self_signed(&key)?.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Writes `NAME.crt` and `NAME.key` into a folder and says where.
    #[allow(dead_code, reason = "the demo's server lives in the same process")]
    pub(crate) fn write_to(&self, folder: &Path, name: &str) -> std::io::Result<(PathBuf, PathBuf)> {
        let files = (
            folder.join(format!("{name}.crt")),
            folder.join(format!("{name}.key")),
        );
        fs::write(&files.0, &self.certificate)?;
        fs::write(&files.1, &self.key)?;
        Ok(files)
    }
}

fn named(common_name: &str, names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}
