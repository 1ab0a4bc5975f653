//! One connection through the proxy: two threads, one per direction.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::journal::{Direction, Event};
use super::{Api, Fault, Shared, lock};

/// What the answers' thread must know of a request, by correlation id.
type Pending = Arc<Mutex<HashMap<i32, Asked>>>;

struct Asked {
    api: Api,
    client: String,
    fault: Option<Fault>,
}

/// Starts forwarding between `client` and `server`.
pub(super) fn start(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let pending = Pending::default();
    let Ok([client_out, server_out]) = keep(&client, &server, shared) else { return };
    let (up_shared, up_pending) = (Arc::clone(shared), Arc::clone(&pending));
    let down_shared = Arc::clone(shared);
    thread::spawn(move || {
        // The way to the broker stays open when the client goes: a held request must still arrive.
        let _ = requests(client, &server_out, &up_shared, &up_pending);
        let _ = server_out.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = answers(server, &client_out, &down_shared, &pending);
        let _ = client_out.shutdown(Shutdown::Both);
    });
}

/// Copies of both sockets to write to, and further ones for the proxy to close at its end.
fn keep(client: &TcpStream, server: &TcpStream, shared: &Shared) -> io::Result<[TcpStream; 2]> {
    lock(&shared.sockets).extend([client.try_clone()?, server.try_clone()?]);
    Ok([client.try_clone()?, server.try_clone()?])
}

fn requests(mut from: TcpStream, to: &TcpStream, shared: &Arc<Shared>, pending: &Pending) -> io::Result<()> {
    let to = Arc::new(Mutex::new(to.try_clone()?));
    let mut held: Option<HeldBack> = None;
    let forwarded = loop {
        let Ok(frame) = read_frame(&mut from) else { break Ok(()) };
        let Some((api, correlation, client)) = request_header(&frame) else {
            write_frame(&mut &*lock(&to), &frame)?;
            continue;
        };
        let fault = shared.take_fault(api, &client);
        shared.record(Event { client: client.clone(), api, direction: Direction::Request });
        lock(pending).insert(correlation, Asked { api, client, fault });
        if let Some(fault @ (Fault::LoseRequest | Fault::HoldRequest(_) | Fault::Hold)) = fault {
            shared.hit(api, fault);
        }
        match fault {
            Some(Fault::LoseRequest) => continue,
            Some(Fault::HoldRequest(time)) => thread::sleep(time),
            Some(Fault::Hold) => held = Some(HeldBack::start(api, &to, shared)),
            _ => {}
        }
        let sent = match &held {
            Some(held) if held.api == api => held.lane.send(frame).map_err(io::Error::other),
            _ => write_frame(&mut &*lock(&to), &frame),
        };
        if sent.is_err() {
            break sent;
        }
    };
    if let Some(held) = held {
        held.finish();
    }
    forwarded
}

/// Requests of one type that reach the broker after the release.
struct HeldBack {
    api: Api,
    lane: Sender<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl HeldBack {
    fn start(api: Api, to: &Arc<Mutex<TcpStream>>, shared: &Arc<Shared>) -> Self {
        let (lane, frames) = mpsc::channel::<Vec<u8>>();
        let (to, shared) = (Arc::clone(to), Arc::clone(shared));
        let thread = thread::spawn(move || {
            shared.wait_for_release();
            for frame in frames {
                if write_frame(&mut &*lock(&to), &frame).is_err() {
                    return;
                }
            }
        });
        Self { api, lane, thread }
    }

    /// Waits until they have gone, even if the client has.
    fn finish(self) {
        drop(self.lane);
        let _ = self.thread.join();
    }
}

fn answers(mut from: TcpStream, mut to: &TcpStream, shared: &Shared, pending: &Pending) -> io::Result<()> {
    loop {
        let frame = read_frame(&mut from)?;
        let asked = frame.first_chunk().and_then(|id| lock(pending).remove(&i32::from_be_bytes(*id)));
        let Some(Asked { api, client, fault }) = asked else {
            write_frame(&mut to, &frame)?;
            continue;
        };
        if let Some(fault @ Fault::DelayAnswer(time)) = fault {
            shared.hit(api, fault);
            thread::sleep(time);
        }
        // As soon as the client can know of it, if it ever does.
        shared.record(Event { client, api, direction: Direction::Answer });
        match fault {
            Some(fault @ Fault::Cut) => {
                shared.hit(api, fault);
                return from.shutdown(Shutdown::Both);
            }
            Some(fault @ Fault::DropAnswer) => {
                shared.hit(api, fault);
                continue;
            }
            _ => {}
        }
        write_frame(&mut to, &frame)?;
    }
}

/// The type, the correlation id and the client id that a request begins with.
fn request_header(frame: &[u8]) -> Option<(Api, i32, String)> {
    let (api, rest) = frame.split_first_chunk()?;
    let (_version, rest) = rest.split_first_chunk::<2>()?;
    let (correlation, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(i16::from_be_bytes(*length)).unwrap_or(0);
    let client = String::from_utf8_lossy(rest.get(..length)?).into_owned();
    Some((Api(i16::from_be_bytes(*api)), i32::from_be_bytes(*correlation), client))
}

fn read_frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?;
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(frame)
}

fn write_frame(to: &mut &TcpStream, frame: &[u8]) -> io::Result<()> {
    let length = i32::try_from(frame.len()).map_err(io::Error::other)?;
    let mut whole = length.to_be_bytes().to_vec();
    whole.extend_from_slice(frame);
    to.write_all(&whole)
}
