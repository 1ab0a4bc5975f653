//! The HTTP client that spans leave by.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::blocking::Client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::tls;

/// The standard's default: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of authorities cannot be used.
    #[error("{variable}: cannot read certificates from {}", path.display())]
    Certificate {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The file holds none.
    #[error("{variable}: {} holds no certificate", path.display())]
    Empty {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Something that the environment cannot be blamed for.
    #[error("cannot make an HTTP client for traces")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A client that trusts what the environment says.
pub(super) fn client() -> Result<Client, ClientError> {
    tls::install_provider();
    let tls = ClientConfig::builder().with_root_certificates(roots()?).with_no_client_auth();
    let builder = Client::builder().timeout(timeout()).tls_backend_preconfigured(tls);
    // it has a runtime of its own, which must not begin inside of another
    let built = std::thread::spawn(move || builder.build()).join();
    built
        .map_err(|_| ClientError::Http("its thread panicked".into()))?
        .map_err(|error| ClientError::Http(error.into()))
}

fn timeout() -> Duration {
    super::either(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"])
        .and_then(|(_, value)| value.parse().ok())
        .map_or(TIMEOUT, Duration::from_millis)
}

/// The authorities of the named file, or else the system's; none is no error while the receiver is at `http://`.
fn roots() -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    let named = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
    let certificates = match super::either(named) {
        Some((variable, path)) => read(variable, path.into())?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(certificates);
    Ok(roots)
}

fn read(variable: &'static str, path: PathBuf) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let read = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(none) if none.is_empty() => Err(ClientError::Empty { variable, path }),
        Ok(certificates) => Ok(certificates),
        Err(source) => Err(ClientError::Certificate { variable, path, source }),
    }
}
