//! A real gateway process with its own folder, started the way operators start it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::caller::Caller;
use crate::process::{
    BOUND, bound, child_of, deadline, eventually, exit_code, gateway_binary, signal, terminate,
};
use crate::settings::{merged, open_settings};

/// Where a gateway listens, as it wrote itself into `endpoints.json` of its data folder.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// `host:port` of the public edge.
    pub public: String,
    /// `host:port` of the operator service.
    pub devops: String,
}

/// A gateway that ended instead of serving.
#[derive(Debug)]
pub struct StartFailure {
    /// How the process ended.
    pub status: ExitStatus,
    /// What it said on standard error.
    pub stderr: String,
}

/// A gateway of its own for one test; it ends with the value.
#[derive(Debug)]
pub struct TestGateway {
    folder: TempDir,
    wrapper: Vec<String>,
    child: Child,
    endpoints: Endpoints,
}

impl TestGateway {
    /// Starts one with [`open_settings`].
    pub async fn start() -> Self {
        Self::start_with(Value::Null).await
    }

    /// Starts one with `overlay` put over [`open_settings`].
    pub async fn start_with(overlay: Value) -> Self {
        match Self::try_start(overlay).await {
            Ok(gateway) => gateway,
            Err(failure) => panic!(
                "the gateway ended with {}:\n{}",
                failure.status, failure.stderr
            ),
        }
    }

    /// Like [`TestGateway::start_with`], for configurations that must not start.
    ///
    /// # Errors
    ///
    /// How the process ended.
    pub async fn try_start(overlay: Value) -> Result<Self, StartFailure> {
        let settings = if overlay.is_null() {
            open_settings()
        } else {
            merged(open_settings(), overlay)
        };
        Self::launch(Some(pretty(&settings)), Vec::new()).await
    }

    /// Starts one with the text of a configuration file.
    pub async fn start_from(text: &str) -> Self {
        match Self::launch(Some(text.to_owned()), Vec::new()).await {
            Ok(gateway) => gateway,
            Err(failure) => panic!(
                "the gateway ended with {}:\n{}",
                failure.status, failure.stderr
            ),
        }
    }

    /// Starts one without any configuration file, on free ports.
    pub async fn start_unconfigured() -> Self {
        match Self::launch(None, Vec::new()).await {
            Ok(gateway) => gateway,
            Err(failure) => panic!(
                "the gateway ended with {}:\n{}",
                failure.status, failure.stderr
            ),
        }
    }

    /// Starts one under another program, e.g. a tracer: `wrapper` is its command line up to the gateway's own.
    pub async fn start_under(wrapper: Vec<String>, overlay: Value) -> Self {
        match Self::launch(Some(pretty(&merged(open_settings(), overlay))), wrapper).await {
            Ok(gateway) => gateway,
            Err(failure) => panic!(
                "the gateway ended with {}:\n{}",
                failure.status, failure.stderr
            ),
        }
    }

    /// A caller of the public edge without a credential.
    pub fn anonymous(&self) -> Caller {
        Caller::anonymous(&self.endpoints.public)
    }

    /// A caller with a Bearer token or an API key.
    pub fn as_bearer(&self, token: &str) -> Caller {
        self.anonymous().bearer(token)
    }

    /// A caller that a proxy on this machine vouches for as `subject`.
    pub fn as_subject(&self, subject: &str) -> Caller {
        self.anonymous().with("x-ditto-pre-authenticated", subject)
    }

    /// An anonymous caller of the operator service.
    pub fn operators_door(&self) -> Caller {
        Caller::anonymous(&self.endpoints.devops)
    }

    /// A caller of the operator service with the password made at the first start.
    pub fn as_operator(&self) -> Caller {
        self.operators_door()
            .basic("devops", &self.first_operator_password())
    }

    /// Where it listens.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The folder that holds its configuration file and its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        log_in(self.folder.path())
    }

    /// The text that shows the first credentials once.
    pub fn first_credentials(&self) -> String {
        fs::read_to_string(self.data().join("first-credentials"))
            .expect("the first start leaves its credentials")
    }

    /// The API key of the first start.
    pub fn first_api_key(&self) -> String {
        let text = self.first_credentials();
        let key = text.split_once("Bearer ").map(|(_, rest)| rest);
        let end =
            |character: char| !character.is_ascii_alphanumeric() && !"_-.".contains(character);
        key.and_then(|rest| rest.split(end).next())
            .expect("a curl line with the key")
            .to_owned()
    }

    /// The operator password of the first start.
    pub fn first_operator_password(&self) -> String {
        let text = self.first_credentials();
        let password = text.split_once("devops:").map(|(_, rest)| rest);
        let end = |character: char| character.is_whitespace() || "'\"".contains(character);
        password
            .and_then(|rest| rest.split(end).next())
            .expect("a curl line with the password")
            .to_owned()
    }

    /// Runs another command of the same program in its folder, while it serves.
    pub async fn command(&self, arguments: &[&str]) -> std::process::Output {
        command_in(self.folder.path(), arguments).await
    }

    /// A new password for operators and its hash, by the command that operators use.
    pub async fn new_password(&self) -> (String, String) {
        let output = self.command(&["password", "hash", "--generate"]).await;
        let text = String::from_utf8(output.stdout).expect("text");
        let (password, hash) = text.trim().split_once('\n').expect("two lines");
        let password = password.trim_start_matches("Password: ");
        (password.to_owned(), hash.to_owned())
    }

    /// Puts another configuration in place as most editors do: a new file, moved over the old one.
    pub fn configure(&self, overlay: Value) {
        let unfinished = self.folder().join("twinward.yaml.new");
        fs::write(&unfinished, pretty(&merged(open_settings(), overlay)))
            .expect("the configuration can be written");
        fs::rename(unfinished, self.folder().join("twinward.yaml")).expect("it can be moved");
    }

    /// Sends a signal, e.g. `HUP`.
    pub async fn signal(&self, name: &str) {
        signal(name, self.process_id().await).await;
    }

    /// Stops it as a service manager does and starts it again with the same folder.
    pub async fn restart(self) -> Self {
        self.stop().await.again().await
    }

    /// Kills it without warning (SIGKILL) and starts it again with the same folder.
    pub async fn kill_and_restart(mut self) -> Self {
        self.kill().await;
        Stopped {
            folder: self.folder,
            wrapper: self.wrapper,
            code: None,
        }
        .again()
        .await
    }

    /// Asks it to end and waits for that.
    pub async fn stop(mut self) -> Stopped {
        terminate(self.process_id().await).await;
        let code = exit_code(&mut self.child).await;
        Stopped {
            folder: self.folder,
            wrapper: self.wrapper,
            code,
        }
    }

    /// Waits for its end, which something else brings about.
    pub async fn ended(mut self) -> Stopped {
        let code = exit_code(&mut self.child).await;
        Stopped {
            folder: self.folder,
            wrapper: self.wrapper,
            code,
        }
    }

    /// Kills it without warning, for tests that hold the value in place; nothing happens to one that has ended.
    pub async fn kill(&mut self) {
        if self.child.id().is_some() {
            let killed = self.child.kill().await;
            killed.expect("a running child can be killed");
        }
    }

    /// The gateway's own process: under a wrapper that is the wrapper's child, unless the gateway took its place.
    pub async fn process_id(&self) -> u32 {
        let id = self.child.id().expect("it is running");
        if self.wrapper.is_empty() {
            id
        } else {
            child_of(id).unwrap_or(id)
        }
    }

    /// What Linux says about its memory, e.g. `VmHWM`, the most that was ever resident (`proc_pid_status(5)`).
    pub async fn memory_kib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process_id().await));
        let status = status.expect("Linux shows the memory of a process");
        let line = status.lines().find(|line| line.starts_with(field));
        let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        number.expect("a number of KiB")
    }

    /// How many files and connections it has open.
    pub async fn open_files(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.process_id().await);
        fs::read_dir(folder)
            .expect("Linux shows the files of a process")
            .count()
    }

    async fn launch(settings: Option<String>, wrapper: Vec<String>) -> Result<Self, StartFailure> {
        let folder = TempDir::new().expect("a temporary folder");
        if let Some(text) = settings {
            fs::write(folder.path().join("twinward.yaml"), text)
                .expect("the configuration can be written");
        }
        run(folder, wrapper).await
    }
}

/// A gateway that has ended; its folder is still there.
#[derive(Debug)]
pub struct Stopped {
    folder: TempDir,
    wrapper: Vec<String>,
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
}

impl Stopped {
    /// The folder that holds its configuration file and its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        log_in(self.folder.path())
    }

    /// Runs another command of the same program in its folder.
    pub async fn command(&self, arguments: &[&str]) -> std::process::Output {
        command_in(self.folder.path(), arguments).await
    }

    /// Starts it again with the same folder.
    pub async fn again(self) -> TestGateway {
        match run(self.folder, self.wrapper).await {
            Ok(gateway) => gateway,
            Err(failure) => panic!(
                "the gateway did not start again, {}:\n{}",
                failure.status, failure.stderr
            ),
        }
    }
}

fn pretty(settings: &Value) -> String {
    serde_json::to_string_pretty(settings).expect("JSON")
}

async fn command_in(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = bound(gateway_binary().await);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null());
    let output = deadline("a command of the gateway", command.output()).await;
    output.expect("the gateway's executable starts")
}

async fn run(folder: TempDir, wrapper: Vec<String>) -> Result<TestGateway, StartFailure> {
    let announced = folder.path().join("data/endpoints.json");
    // What a killed predecessor announced must not be taken for this one's.
    let _ = fs::remove_file(&announced);
    let mut child = command(folder.path(), &wrapper)
        .await
        .spawn()
        .expect("the gateway's executable starts");
    let outcome = eventually("the start of the gateway", || {
        let outcome = match child.try_wait().expect("a child can be asked") {
            Some(status) => Some(Err(status)),
            None => read_endpoints(&announced).map(Ok),
        };
        std::future::ready(outcome)
    });
    match outcome.await {
        Ok(endpoints) => Ok(TestGateway {
            folder,
            wrapper,
            child,
            endpoints,
        }),
        Err(status) => Err(StartFailure {
            status,
            stderr: read_lossy(&folder.path().join("stderr.log")),
        }),
    }
}

async fn command(folder: &Path, wrapper: &[String]) -> Command {
    let binary = gateway_binary().await;
    let mut command = match wrapper.split_first() {
        Some((program, arguments)) => {
            let mut command = bound(program);
            // Whatever kills the wrapper does not reach what it has started.
            command.args(arguments).args(BOUND).arg(binary);
            command
        }
        None => bound(binary),
    };
    command.arg("serve");
    if folder.join("twinward.yaml").exists() {
        command.args(["--config", "twinward.yaml"]);
    } else {
        command.args(["--listen", "127.0.0.1:0", "--devops-listen", "127.0.0.1:0"]);
    }
    command
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(log_file(folder, "stdout.log"))
        .stderr(log_file(folder, "stderr.log"));
    command
}

fn log_in(folder: &Path) -> String {
    read_lossy(&folder.join("stdout.log")) + &read_lossy(&folder.join("stderr.log"))
}

fn log_file(folder: &Path, name: &str) -> fs::File {
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(name));
    file.expect("a log file can be opened")
}

fn read_endpoints(path: &Path) -> Option<Endpoints> {
    let text = fs::read_to_string(path).ok()?;
    let value: Value = serde_json::from_str(&text).expect("endpoints.json is written at once");
    let address = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Endpoints {
        public: address("public")?,
        devops: address("devops")?,
    })
}

fn read_lossy(path: &Path) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
