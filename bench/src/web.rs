//! Asks a service about itself, and Redis for a value: the least of HTTP and RESP that will do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Status and body of `GET path`.
///
/// # Errors
/// When nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut stream = connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("reading {path} of {address}"))?;
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no HTTP status")?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

/// The sum of a metric over all its labels, from a body of `/metrics`; 0 when it is not there.
pub fn metric(metrics: &str, name: &str) -> f64 {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let is_name = rest.starts_with('{') || rest.starts_with(' ');
        is_name.then(|| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).flatten()
    });
    values.sum()
}

/// The integer under a key of Redis; `None` when there is none.
///
/// # Errors
/// When nobody answers.
pub fn redis_integer(address: SocketAddr, key: &str) -> Result<Option<u64>> {
    let mut stream = connect(address)?;
    write!(stream, "*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len())?;
    let mut lines = BufReader::new(stream).lines();
    let length = lines.next().context("Redis says nothing")??;
    if length == "$-1" {
        return Ok(None);
    }
    Ok(lines.next().context("Redis stops half-way")??.parse().ok())
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream =
        TcpStream::connect_timeout(&address, TIMEOUT).with_context(|| format!("connecting to {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "small whole and half numbers are exact")]
    fn a_metric_is_summed_over_its_labels() {
        let text = "# HELP a b\na_total{rule=\"x\"} 3\na_total{rule=\"y z\"} 4\na_totals 9\nb 1.5\n";
        assert_eq!(["a_total", "b", "c"].map(|name| metric(text, name)), [7.0, 1.5, 0.0]);
    }
}
