//! A real nginx in front of a gateway, asking for passwords the way Eclipse Ditto's deployment does.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::caller::Caller;
use crate::process::{bound, eventually, exit_code, terminate};

/// How often another free port is tried when somebody else took the one chosen.
const PORT_ATTEMPTS_MAX: usize = 5;

/// A running nginx; it ends with the value.
#[derive(Debug)]
pub struct Nginx {
    address: String,
    child: Child,
    _folder: TempDir,
}

impl Nginx {
    /// Starts one that forwards `/api` and `/ws` to `upstream` for `users` (name, password) and nobody else.
    pub async fn start(upstream: &str, users: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("htpasswd"), "").expect("a password file");
        for (name, password) in users {
            add_user(folder.path(), name, password).await;
        }
        for _ in 0..PORT_ATTEMPTS_MAX {
            let address = free_address();
            let mut child = spawn(
                folder.path(),
                &configuration(folder.path(), &address, upstream),
            );
            if accepts_connections(&mut child, &address).await {
                return Self {
                    address,
                    child,
                    _folder: folder,
                };
            }
        }
        panic!(
            "nginx found no free port in {PORT_ATTEMPTS_MAX} attempts, or does not like its configuration"
        );
    }

    /// A caller that logs in as `name`.
    pub fn as_user(&self, name: &str, password: &str) -> Caller {
        self.anonymous().basic(name, password)
    }

    /// A caller without a password.
    pub fn anonymous(&self) -> Caller {
        Caller::anonymous(&self.address)
    }

    /// Asks it to end and waits for that.
    pub async fn stop(mut self) {
        terminate(self.child.id().expect("it is running")).await;
        exit_code(&mut self.child).await;
    }
}

async fn add_user(folder: &Path, name: &str, password: &str) {
    let mut command = Command::new("htpasswd");
    command
        .arg("-bm")
        .arg(folder.join("htpasswd"))
        .args([name, password])
        .stderr(Stdio::null());
    assert!(
        command.status().await.expect("htpasswd starts").success(),
        "htpasswd refuses {name}"
    );
}

/// nginx cannot announce a port of its own choosing: take a free one and try again if somebody was faster.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
        .to_string()
}

fn spawn(folder: &Path, configuration: &str) -> Child {
    let path = folder.join("nginx.conf");
    fs::write(&path, configuration).expect("the configuration can be written");
    let mut command = bound("nginx");
    command
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&path)
        .arg("-e")
        .arg(folder.join("error.log"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .expect("nginx starts: `tests/run` installs it")
}

async fn accepts_connections(child: &mut Child, address: &str) -> bool {
    eventually("nginx", || {
        let ended = child.try_wait().expect("a child can be asked").is_some();
        async move {
            if ended {
                return Some(false);
            }
            TcpStream::connect(address).await.is_ok().then_some(true)
        }
    })
    .await
}

/// One process, so that stopping it leaves nothing behind, and no file outside `folder`.
fn configuration(folder: &Path, address: &str, upstream: &str) -> String {
    let folder = folder.display();
    format!(
        r#"
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  merge_slashes off;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  server {{
    listen {address};
    location ~ ^/(api|ws)/ {{
      auth_basic "twins";
      auth_basic_user_file {folder}/htpasswd;
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header x-ditto-pre-authenticated "nginx:$remote_user";
    }}
  }}
}}
"#
    )
}
