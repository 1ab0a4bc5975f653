//! A real Redis server of a test's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use redis::{Commands, Connection};

use crate::case::{Case, MARK, free_port};
use crate::kafka::{pid, run_script, script};
use crate::process::kill_by_id;

/// A running server; killed when dropped.
pub struct Redis {
    data: PathBuf,
    mark: PathBuf,
    port: u16,
    password: Option<String>,
}

impl Redis {
    /// Starts an empty server.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(case: &Case) -> Result<Self> {
        Self::up(case, None, &[])
    }

    /// Starts an empty server that asks for a password.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with_password(case: &Case, password: &str) -> Result<Self> {
        Self::up(case, Some(password), &[])
    }

    /// Starts an empty server with one more line of configuration (`name=value`).
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with(case: &Case, setting: &str) -> Result<Self> {
        Self::up(case, None, &["--set", setting])
    }

    fn up(case: &Case, password: Option<&str>, more: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let redis = Self {
            data: case.path(&format!("redis-{port}")),
            mark: case.dir().to_owned(),
            port,
            password: password.map(str::to_owned),
        };
        let mut command = redis.command();
        command.args(more).args(password.map(|p| ["--password", p]).into_iter().flatten());
        run_script(command)?;
        Ok(redis)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(script("redis"));
        command.env(MARK, &self.mark);
        command.args(["up", "--port", &self.port.to_string(), "--data"]).arg(&self.data);
        command
    }

    /// Where clients find it, without the password.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn connect(&self) -> Result<Connection> {
        let url = match &self.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.port),
            None => self.url(),
        };
        redis::Client::open(url)?.get_connection().context("connecting to Redis")
    }

    /// All keys that hold strings, and their values.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn strings(&self) -> Result<BTreeMap<String, String>> {
        let mut connection = self.connect()?;
        let keys: Vec<String> = connection.keys("*")?;
        let mut strings = BTreeMap::new();
        for key in keys {
            let kind: String = redis::cmd("TYPE").arg(&key).query(&mut connection)?;
            if kind == "string" {
                let value: Option<String> = connection.get(&key)?;
                strings.extend(value.map(|value| (key, value)));
            }
        }
        Ok(strings)
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.connect()?.get(key)?)
    }

    /// Sets `key`, as a stranger would.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn set(&self, key: &str, value: &str) -> Result<()> {
        Ok(self.connect()?.set(key, value)?)
    }

    /// FLUSHALL.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn flush(&self) -> Result<()> {
        redis::cmd("FLUSHALL").query(&mut self.connect()?).context("FLUSHALL")
    }

    /// Writes the dump that a later start will load.
    ///
    /// # Errors
    /// When the server cannot.
    pub fn save(&self) -> Result<()> {
        redis::cmd("SAVE").query(&mut self.connect()?).context("SAVE")
    }

    /// Its process id, as it was started last.
    ///
    /// # Errors
    /// When it was never started.
    pub fn pid(&self) -> Result<u32> {
        pid(&self.data)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill(&self) -> Result<()> {
        kill_by_id(self.pid()?)
    }

    /// Starts it again; it loads the dump of the last [`Redis::save`].
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&self) -> Result<()> {
        run_script(self.command()).map(drop)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
