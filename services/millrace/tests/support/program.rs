//! The binary, started and watched as a person would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A machine under load must not fail a test.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running program; killed when dropped.
pub struct Program {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<JoinHandle<String>>,
    read: String,
}

/// How a program ended.
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All it printed.
    pub stdout: String,
    /// All it complained about.
    pub stderr: String,
}

impl Program {
    /// Starts it with nothing of this process's configuration in its environment.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
        command.args(arguments).env_clear().envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let stdout = child.stdout.take().map(BufReader::new);
        let stderr = child.stderr.take().map(|pipe| std::thread::spawn(|| text_of(pipe)));
        Self { child, stdout, stderr, read: String::new() }
    }

    /// The first line it prints.
    #[allow(dead_code, reason = "not every test that shares this file needs it")]
    pub fn first_line(&mut self) -> String {
        let stdout = self.stdout.as_mut().expect("not ended yet");
        stdout.read_line(&mut self.read).expect("text");
        self.read.trim_end().to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&mut self, name: &str) -> &mut Self {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().expect("kill exists").success());
        self
    }

    /// Waits for its end.
    pub fn end(&mut self) -> Ended {
        let mut stdout = std::mem::take(&mut self.read);
        if let Some(mut rest) = self.stdout.take() {
            rest.read_to_string(&mut stdout).expect("text");
        }
        let stderr = self.stderr.take().map(|reading| reading.join().expect("text")).unwrap_or_default();
        let code = self.child.wait().expect("it can be waited for").code();
        Ended { code, stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text_of(mut pipe: ChildStderr) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).expect("text");
    text
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// The JSON at `path`, whatever the status code; `None` when there is none.
pub fn get_json(port: u16, path: &str) -> Option<serde_json::Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    // HTTP/1.0, so that the body is not sent in chunks
    write!(stream, "GET {path} HTTP/1.0\r\nhost: 127.0.0.1:{port}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// Asks until the answer is yes.
pub fn until(what: &str, asked: impl Fn() -> Option<bool>) {
    let deadline = Instant::now() + PATIENCE;
    while asked() != Some(true) {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
