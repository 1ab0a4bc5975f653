//! Requests over a plain socket: all that these tests need of HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

const LIMIT: Duration = Duration::from_secs(2);

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header lines as they came.
    pub head: String,
    /// The body.
    pub body: String,
}

/// Asks `127.0.0.1:port` for `path`.
///
/// # Errors
/// When nobody answers within two seconds, or not with HTTP.
pub fn get(port: u16, path: &str) -> Result<Answer> {
    ask(port, &format!("GET {path}"), "")
}

/// Sends `body` to `path` of `127.0.0.1:port`.
///
/// # Errors
/// When nobody answers within two seconds, or not with HTTP.
pub fn post(port: u16, path: &str, body: &str) -> Result<Answer> {
    ask(port, &format!("POST {path}"), body)
}

fn ask(port: u16, line: &str, body: &str) -> Result<Answer> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut socket =
        TcpStream::connect_timeout(&address, LIMIT).with_context(|| format!("connecting to {address}"))?;
    socket.set_read_timeout(Some(LIMIT))?;
    let length = body.len();
    write!(
        socket,
        "{line} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut text = String::new();
    socket.read_to_string(&mut text).with_context(|| format!("{line} of {address}"))?;
    let (head, body) = text.split_once("\r\n\r\n").context("an answer without an end of its head")?;
    let status =
        head.split_whitespace().nth(1).and_then(|s| s.parse().ok()).context("an answer without a status")?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
