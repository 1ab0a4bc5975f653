//! TLS of all clients but Kafka's, which brings its own.

/// Says by whose code this process encrypts: clients that speak TLS cannot be made before. May be called again.
pub fn install_provider() {
    // an error says that the process has one already
    let _ = rustls::crypto::ring::default_provider().install_default();
}
