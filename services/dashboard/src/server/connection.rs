//! A TCP connection that holds its place among the others and does not wait for ever on a client that
//! stopped reading. It stays so when it becomes a WebSocket.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use crate::metrics::Held;

/// What the kernel holds for a client that reads slowly. Without this it grows to megabytes, and such a
/// client would see minutes-old numbers.
const SEND_BUFFER: usize = 128 * 1024;
/// A client that takes nothing for this long while something waits for it is cut off.
const WRITE_STALL: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    stalled: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
    _counted: Held,
}

impl Connection {
    /// Sets up an accepted stream.
    pub fn new(stream: TcpStream, place: OwnedSemaphorePermit, counted: Held) -> Self {
        // both only make it worse when they fail
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        Self { stream, stalled: None, _place: place, _counted: counted }
    }

    /// Passes on what writing gave; while it is pending, checks for how long it has been.
    fn progress<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_STALL)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the client stopped reading")))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.progress(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.progress(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn a_client_that_stops_reading_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let places = Arc::new(Semaphore::new(1));
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let mut connection = Connection::new(accepted, place, metrics.connection());

        tokio::time::pause(); // time now jumps to the next timer whenever nothing else can run
        let error = async {
            loop {
                if let Err(error) = connection.write_all(&[0; 4_096]).await {
                    return error;
                }
            }
        };
        assert_eq!(error.await.kind(), ErrorKind::TimedOut);
        drop(connection);
        assert_eq!(places.available_permits(), 1);
        drop(silent);
    }
}
