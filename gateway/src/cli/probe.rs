//! `twinward probe`: asks the gateway of this machine whether it lives, for supervisors that can only start a command.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::{Console, Failure, environment};
use crate::config::{Flags, LoadOptions, load};

/// How long an answer may take; supervisors wait a few seconds themselves.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What `endpoints.json` says that is needed here.
#[derive(Debug, Deserialize)]
struct Endpoints {
    devops: SocketAddr,
    #[serde(default)]
    devops_tls: bool,
}

/// What to ask.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Question {
    /// Whether it serves.
    Ready,
    /// Whether it should go on living.
    Alive,
}

/// Whom to ask what.
#[derive(Debug, Args)]
pub(super) struct Probe {
    #[arg(value_enum)]
    question: Question,
    /// The configuration file of the gateway
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of its store, in which it says where it listens; then no configuration is read
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,
}

impl Probe {
    /// Exit code 0 for yes, 1 for no or no answer.
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let endpoints = match self.folder() {
            Ok(folder) => read_endpoints(&folder)?,
            Err(error) => return Err(error),
        };
        let url = self.question.url(&endpoints);
        match ask(&url) {
            Ok(status) if status.is_success() => {
                writeln!(console.output, "{url}: {status}")?;
                Ok(ExitCode::SUCCESS)
            }
            Ok(status) => {
                writeln!(console.errors, "{url}: {status}")?;
                Ok(ExitCode::FAILURE)
            }
            Err(error) => {
                writeln!(console.errors, "{url}: {error}")?;
                Ok(ExitCode::FAILURE)
            }
        }
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let loaded = load(&LoadOptions {
            file: self.config.clone(),
            environment: environment(),
            flags: Flags::default(),
        })?;
        Ok(loaded.config.store.path)
    }
}

impl Question {
    /// A listener on every address is asked on the loopback interface.
    fn url(self, endpoints: &Endpoints) -> String {
        let mut address = endpoints.devops;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(IpAddr::from([127, 0, 0, 1])),
            IpAddr::V6(ip) if ip.is_unspecified() => {
                address.set_ip(IpAddr::from(std::net::Ipv6Addr::LOCALHOST));
            }
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        let scheme = if endpoints.devops_tls {
            "https"
        } else {
            "http"
        };
        let path = match self {
            Self::Ready => "ready",
            Self::Alive => "alive",
        };
        format!("{scheme}://{address}/{path}")
    }
}

fn read_endpoints(folder: &Path) -> Result<Endpoints, Failure> {
    let path = folder.join("endpoints.json");
    let unusable =
        |error: &dyn std::fmt::Display| Failure::Store(format!("{}: {error}", path.display()));
    let text = std::fs::read(&path).map_err(|error| unusable(&error))?;
    serde_json::from_slice(&text).map_err(|error| unusable(&error))
}

/// Nothing secret is sent and nothing but the status is read, so that the certificate need not be that of an address.
fn ask(url: &str) -> Result<reqwest::StatusCode, reqwest::Error> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    actix_rt::System::new().block_on(async { Ok(client.get(url).send().await?.status()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(devops: &str, devops_tls: bool, expected: &str) {
        let endpoints = Endpoints {
            devops: devops.parse().unwrap(),
            devops_tls,
        };
        assert_eq!(Question::Ready.url(&endpoints), expected, "{devops}");
    }

    #[test]
    fn every_address_is_asked_on_this_machine() {
        check("0.0.0.0:8081", false, "http://127.0.0.1:8081/ready");
        check("[::]:8081", true, "https://[::1]:8081/ready");
        check("10.0.0.7:8081", false, "http://10.0.0.7:8081/ready");
    }
}
