//! A real nginx or HAProxy that passes on what a test tells it to.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::caller::Caller;
use crate::process::{bound, eventually};

/// For whom a proxy vouches, by the header `x-ditto-pre-authenticated`.
#[derive(Debug, Clone, Copy)]
pub enum Vouching<'s> {
    /// For whomever a client says: the header goes through.
    AsToldByClients,
    /// For nobody, whatever clients say.
    ForNobody,
    /// For this subject, whatever clients say.
    For(&'s str),
}

/// A running proxy; it ends with the value.
#[derive(Debug)]
pub struct Proxy {
    name: &'static str,
    address: String,
    _child: Child,
    _folder: TempDir,
}

impl Proxy {
    /// nginx and HAProxy in front of `upstream`, which pass on everything else as it comes: upgrades, long heads, and bodies
    /// from their first byte on. They give up on a head after two seconds.
    pub async fn both(upstream: &str, vouching: Vouching<'_>) -> [Self; 2] {
        let set = match vouching {
            Vouching::AsToldByClients => None,
            Vouching::ForNobody => Some(""),
            Vouching::For(subject) => Some(subject),
        };
        let header =
            set.map(|subject| format!("proxy_set_header x-ditto-pre-authenticated '{subject}';"));
        let nginx = format!(
            "merge_slashes off; large_client_header_buffers 4 32k; client_header_timeout 2s;\n\
             location / {{ proxy_pass http://{upstream}; proxy_http_version 1.1; proxy_request_buffering off;\n\
             proxy_buffering off; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;\n\
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;\n\
             {} }}",
            header.unwrap_or_default()
        );
        let mut haproxy = vec!["timeout http-request 2s".to_owned()];
        if let Some(subject) = set {
            haproxy.push("http-request del-header x-ditto-pre-authenticated".to_owned());
            let line = format!("http-request set-header x-ditto-pre-authenticated {subject}");
            haproxy.extend((!subject.is_empty()).then_some(line));
        }
        let haproxy: Vec<_> = haproxy.iter().map(String::as_str).collect();
        [
            Self::nginx_with(&nginx).await,
            Self::haproxy_with(&haproxy, upstream).await,
        ]
    }

    /// nginx in front of `upstream`.
    pub async fn nginx(upstream: &str) -> Self {
        Self::nginx_with(&format!(
            "location / {{ proxy_pass http://{upstream}; proxy_http_version 1.1;\n\
             proxy_set_header Connection ''; proxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $remote_addr; }}"
        ))
        .await
    }

    /// nginx whose only server has these directives.
    pub async fn nginx_with(directives: &str) -> Self {
        Self::start("nginx", |folder, address| {
            let configuration = format!(
                "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n\
                 events {{ worker_connections 256; }}\n\
                 http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;\n\
                 fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
                 server {{ listen {address};\n{directives}\n}} }}\n"
            );
            let path = format!("{folder}/nginx.conf");
            fs::write(&path, configuration).expect("the configuration can be written");
            let mut command = bound("nginx");
            command.args(["-p", folder, "-c", &path, "-e", &format!("{folder}/error.log")]);
            command
        })
        .await
    }

    /// HAProxy in front of `upstream`.
    pub async fn haproxy(upstream: &str) -> Self {
        Self::haproxy_with(&[], upstream).await
    }

    /// HAProxy whose frontend has these lines besides; `server` is the upstream, with options if need be.
    pub async fn haproxy_with(frontend: &[&str], server: &str) -> Self {
        let lines: String = frontend.iter().map(|line| format!(" {line}\n")).collect();
        Self::start("haproxy", |folder, address| {
            let configuration = format!(
                "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
                 frontend clients\n bind {address}\n option forwardfor\n http-request del-header x-forwarded-for\n\
                 {lines} default_backend twinward\nbackend twinward\n server one {server}\n"
            );
            let path = format!("{folder}/haproxy.cfg");
            fs::write(&path, configuration).expect("the configuration can be written");
            let mut command = bound("haproxy");
            command.args(["-db", "-f", &path]);
            command
        })
        .await
    }

    async fn start(name: &'static str, command: impl Fn(&str, &str) -> Command) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().to_str().expect("a plain path").to_owned();
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = listener.local_addr().expect("bound").to_string();
            drop(listener);
            let mut command = command(&path, &address);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = command.spawn().expect("`tests/run` installs it");
            let is_up = eventually(name, || {
                let ended = child.try_wait().expect("a child can be asked").is_some();
                let address = address.clone();
                async move {
                    if ended {
                        return Some(false);
                    }
                    TcpStream::connect(address).await.is_ok().then_some(true)
                }
            })
            .await;
            if is_up {
                return Self {
                    name,
                    address,
                    _child: child,
                    _folder: folder,
                };
            }
        }
        panic!("{name} found no free port, or does not like its configuration");
    }

    /// Which one it is.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A caller of it.
    pub fn caller(&self) -> Caller {
        Caller::anonymous(&self.address)
    }
}
