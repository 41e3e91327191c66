//! Certificates for listeners of a test, by an authority that its clients trust.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority that clients of a test trust.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "every one is another")]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Puts a new certificate for `host` and its key into `folder` as `<name>.pem` and `<name>.key`, as a tool for renewals
    /// does.
    pub fn issue(&self, folder: &Path, name: &str, host: &str) {
        self.issue_with(
            folder,
            name,
            CertificateParams::new(vec![host.to_owned()]).expect("parameters"),
        );
    }

    /// The same with everything that can be said of a certificate.
    pub fn issue_with(&self, folder: &Path, name: &str, params: CertificateParams) {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let chain = certificate.pem() + &self.0.pem();
        write_private(&folder.join(format!("{name}.pem")), &chain);
        write_private(&folder.join(format!("{name}.key")), &key.serialize_pem());
    }
}

/// Puts a file that only its owner may read into place, all at once.
pub fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    fs::write(&unfinished, text).expect("a file");
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::rename(unfinished, path).expect("a file in place");
}
