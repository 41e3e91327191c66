//! Listeners: plain HTTP, whom to believe, whose files.

use std::path::Path;

use super::{Refusals, others_may_read};
use crate::config::{
    Config,
    server::{PlainHttp, TlsConfig},
    value::{Cidr, ListenAddress},
};

impl Refusals<'_> {
    pub(super) fn check_listeners(&mut self, config: &Config) {
        let server = &config.http_server;
        let devops = &config.devops;
        self.check_listener("http_server", &server.listen_addr, &server.tls_config);
        self.check_listener("devops", &devops.listen_addr, &devops.tls_config);
        self.check_proxies("http_server.trusted_proxies", &server.trusted_proxies);
        self.check_proxies("devops.trusted_proxies", &devops.trusted_proxies);
        for (key, redirects, is_forced) in [
            (
                "http_server.redirect_to_https",
                server.redirect_to_https,
                server.force_https,
            ),
            (
                "devops.redirect_to_https",
                devops.redirect_to_https,
                devops.force_https,
            ),
        ] {
            if redirects && !is_forced {
                self.refuse(
                    key,
                    "plain HTTP is not refused, so that nothing is redirected; write `force_https: true`, too",
                );
            }
        }
        if config.auth.is_dev_mode() && !server.listen_addr.is_local() {
            self.refuse(
                "auth",
                format!(
                    "`dev_mode` asks nobody for a credential, and `{}` is reachable from other machines; listen on 127.0.0.1, or write `auth:` with identities or issuers",
                    server.listen_addr
                ),
            );
        }
        if server.listen_addr == devops.listen_addr && !has_chosen_port(&server.listen_addr) {
            self.refuse(
                "devops.listen_addr",
                format!(
                    "the public listener has the same address `{}`; the operator service needs one of its own",
                    devops.listen_addr
                ),
            );
        }
    }

    pub(super) fn check_proxies(&mut self, key: &str, proxies: &[Cidr]) {
        for index in Cidr::too_wide(proxies) {
            self.refuse(
                &format!("{key}.{index}"),
                "this network, alone or with others of the list, is wider than any private one (10.0.0.0/8, fc00::/7), so strangers could claim to be your proxy; list the proxies' own addresses",
            );
        }
    }

    fn check_listener(&mut self, section: &str, address: &ListenAddress, tls: &TlsConfig) {
        match tls {
            TlsConfig::Plain(PlainHttp::DevMode) if !address.is_local() => self.refuse(
                &format!("{section}.tls_config"),
                format!(
                    "`dev_mode` is plain HTTP, and `{address}` is reachable from other machines; write `{{ cert: PATH, key: PATH }}`, or `terminated_by_proxy` if a proxy in front ends TLS"
                ),
            ),
            TlsConfig::Plain(PlainHttp::DevMode | PlainHttp::TerminatedByProxy) => {}
            TlsConfig::Files(files) => self.check_private_file(
                &format!("{section}.tls_config.key"),
                &files.key,
            ),
        }
    }

    fn check_private_file(&mut self, key: &str, path: &Path) {
        if others_may_read(path) {
            let shown = path.display();
            self.refuse(
                key,
                format!(
                    "every user of this machine may read the private key `{shown}`; run `chmod 600 {shown}`"
                ),
            );
        }
    }
}

/// Port 0 is a new port each time, so equal addresses do not collide.
fn has_chosen_port(address: &ListenAddress) -> bool {
    matches!(address, ListenAddress::Tcp { port: 0, .. })
}
