//! The recipes of `deploy/`, moved to free ports and folders of this machine and otherwise as operators get them.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::authority::{Authority, write_private};
use crate::caller::Caller;
use crate::process::{bound, eventually, gateway_binary};

/// The name that clients of the recipes use.
const HOST: &str = "twins.example";

/// The text of a file below `deploy/`.
pub fn recipe(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A text in which places are replaced; each of them must be there.
#[derive(Debug)]
pub struct Moved(pub String);

impl Moved {
    /// Every `from` becomes `to`.
    pub fn replace(self, from: &str, to: &str) -> Self {
        assert!(self.0.contains(from), "`{from}` is not in:\n{}", self.0);
        Self(self.0.replace(from, to))
    }
}

/// What compose puts around gateway and nginx: secrets, certificates, and one folder for everything.
#[derive(Debug)]
pub struct Recipe {
    folder: TempDir,
    authority: Authority,
    /// The operators' password.
    pub operator_password: String,
}

impl Recipe {
    /// Makes the secrets as the recipes' pages say; `users` (name, password) are known to nginx.
    pub async fn new(users: &[(&str, &str)]) -> Self {
        let (folder, authority) = (TempDir::new().expect("a folder"), Authority::new());
        let secret = |name: &str, text: &str| write_private(&folder.path().join(name), text);
        secret("proxy-proof", &"5a".repeat(32));
        secret("metrics-token", &"7c".repeat(32));
        authority.issue(folder.path(), "tls", HOST);
        let (operator_password, hash) = new_password().await;
        secret("operator-password-hash", &hash);
        let mut lines = String::new();
        for (name, password) in users {
            lines += &htpasswd(name, password).await;
        }
        secret("htpasswd", &lines);
        Self {
            folder,
            authority,
            operator_password,
        }
    }

    /// Where its secrets are.
    pub fn folder(&self) -> &str {
        self.folder.path().to_str().expect("a plain path")
    }

    /// A configuration of the gateway, as it works on this machine behind `proxy`.
    pub fn gateway(&self, path: &str, proxy: &str) -> Moved {
        Moved(recipe(path))
            .replace("0.0.0.0:8080", "127.0.0.1:0")
            .replace("0.0.0.0:8081", "127.0.0.1:0")
            .replace(&format!("\"{proxy}\""), "\"127.0.0.1\"")
            .replace("/run/secrets", self.folder())
            .replace("path: /data", "path: data")
    }

    /// nginx of compose for one way to trust, in front of `public` and `devops` (`host:port`).
    pub async fn nginx(&self, trust: &str, (public, devops): (&str, &str)) -> RecipeNginx {
        for name in ["edge.conf", "modules.conf"] {
            let text = recipe(&format!("compose/{trust}/{name}"));
            fs::write(self.folder.path().join(name), self.moved(&text)).expect("a file");
        }
        let proof = self.moved(&recipe("compose/proof.js"));
        fs::write(self.folder.path().join("proof.js"), proof).expect("a file");
        let text = self.moved(&recipe("compose/nginx.conf"));
        self.serve(|[clients, plain, operators]| {
            Moved(text.clone())
                .replace("172.31.250.3:8080", public)
                .replace("172.31.250.3:8081", devops)
                .replace("listen 8443", &format!("listen {clients}"))
                .replace("listen 8080", &format!("listen {plain}"))
                .replace("listen 8081", &format!("listen {operators}"))
        })
        .await
    }

    /// nginx of `nginx/` for one way to trust (`passwords` or `tokens`), in front of `public`; it has no TLS.
    pub async fn nginx_alone(&self, trust: &str, public: &str) -> RecipeNginx {
        let trust = recipe(&format!("nginx/{trust}.conf")).replace("twinward.htpasswd", "htpasswd");
        fs::write(self.folder.path().join("twinward-trust.conf"), trust).expect("a file");
        let folder = self.folder();
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"));
        let text = format!("pid {folder}/pid;\n{}", recipe("nginx/twinward.conf"));
        self.serve(|[_, plain, _]| {
            Moved(text.clone())
                .replace("127.0.0.1:8080", public)
                .replace("listen 127.0.0.1:8000", &format!("listen {plain}"))
                .replace("/var/log/nginx", folder)
                .replace("http {", &format!("http {{\n{}", places.concat()))
        })
        .await
    }

    /// What nginx has logged.
    pub fn access_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }

    /// nginx with the configuration that `on` makes of addresses for clients, for those without TLS, and for operators.
    async fn serve(&self, on: impl Fn(&[String; 3]) -> Moved) -> RecipeNginx {
        for _ in 0..5 {
            let addresses = free_addresses();
            fs::write(self.folder.path().join("nginx.conf"), on(&addresses).0).expect("a file");
            self.check_syntax().await;
            let mut child = self.nginx_command().spawn().expect("nginx starts");
            if accepts_connections(&mut child, &addresses[1]).await {
                return RecipeNginx {
                    addresses,
                    root: self.authority.pem(),
                    _child: child,
                };
            }
        }
        panic!("nginx found no free ports");
    }

    /// Paths of the container become paths of this machine; Debian keeps modules elsewhere.
    fn moved(&self, text: &str) -> String {
        let folder = self.folder();
        text.replace(" /tmp/", &format!(" {folder}/"))
            .replace("/etc/nginx", folder)
            .replace("/run/secrets", folder)
            .replace("/dev/stderr", &format!("{folder}/error.log"))
            .replace("/dev/stdout", &format!("{folder}/access.log"))
            .replace("load_module modules", "load_module /usr/lib/nginx/modules")
    }

    fn nginx_command(&self) -> Command {
        let mut command = bound("nginx");
        command
            .args(["-p", self.folder()])
            .args(["-c", &format!("{}/nginx.conf", self.folder())])
            .args(["-e", &format!("{}/error.log", self.folder())])
            .args(["-g", "daemon off; master_process off;"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    async fn check_syntax(&self) {
        let mut command = self.nginx_command();
        let output = command.arg("-t").stderr(Stdio::piped()).output();
        let output = output.await.expect("nginx starts: `tests/run` installs it");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "nginx -t: {said}");
    }
}

/// A running nginx of the recipe; it ends with the value.
#[derive(Debug)]
pub struct RecipeNginx {
    addresses: [String; 3],
    root: String,
    _child: Child,
}

impl RecipeNginx {
    /// Somebody without a credential, by TLS.
    pub fn clients(&self) -> Caller {
        Caller::secure(&self.addresses[0], HOST, &self.root)
    }

    /// Somebody who forgot TLS.
    pub fn plain(&self) -> Caller {
        Caller::anonymous(&self.addresses[1])
    }

    /// Somebody on the same machine without a credential, at the operators' port.
    pub fn operators(&self) -> Caller {
        Caller::anonymous(&self.addresses[2])
    }
}

async fn new_password() -> (String, String) {
    let mut command = Command::new(gateway_binary().await);
    let output = command.args(["password", "hash", "--generate"]).output();
    let output = output.await.expect("the gateway's executable starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let (password, hash) = text.trim().split_once('\n').expect("two lines");
    let password = password.trim_start_matches("Password: ");
    (password.to_owned(), hash.to_owned())
}

async fn htpasswd(name: &str, password: &str) -> String {
    let mut command = Command::new("htpasswd");
    let output = command.args(["-nbm", name, password]).output().await;
    let output = output.expect("htpasswd starts: `tests/run` installs it");
    String::from_utf8(output.stdout).expect("text")
}

fn free_addresses() -> [String; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("bound").to_string())
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
