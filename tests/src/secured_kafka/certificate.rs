//! An authority of a test's own, and what it says of the broker.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// PEM files.
pub(super) struct Files {
    /// The authority's certificate.
    pub authority: PathBuf,
    /// The broker's private key and its certificate, as a PEM key store of Kafka holds them.
    pub broker: PathBuf,
}

/// Makes both, new, in `dir`.
pub(super) fn write(dir: &Path) -> Result<Files> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, "authority of a test");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let broker = CertificateParams::new(names)?.signed_by(&key, &authority)?;
    let files = Files { authority: dir.join("authority.pem"), broker: dir.join("broker.pem") };
    fs::write(&files.authority, authority.pem())?;
    fs::write(&files.broker, format!("{}{}", key.serialize_pem(), broker.pem()))?;
    Ok(files)
}
