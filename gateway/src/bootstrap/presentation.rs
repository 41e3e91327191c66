//! How the first credentials reach the operator: on the terminal, or in a file of their own.

use std::{io::Write, path::Path};

use secrecy::ExposeSecret;

use super::{BootstrapError, Endpoints, Made, file_error, files};

/// How the first credentials reach the operator.
pub struct Presentation<'a> {
    /// Standard output.
    pub output: &'a mut dyn Write,
    /// Whether the credentials may be written there: it is a terminal, or the operator asked for it.
    pub in_the_open: bool,
}

impl Presentation<'_> {
    pub(super) fn show(
        self,
        made: &Made,
        endpoints: &Endpoints,
        folder: &Path,
    ) -> Result<(), BootstrapError> {
        let text = text(made, endpoints);
        let written = if self.in_the_open {
            self.output.write_all(text.as_bytes())
        } else {
            let path = folder.join("first-credentials");
            files::write_private(&path, &text)?;
            writeln!(
                self.output,
                "The first credentials are in {}",
                path.display()
            )
        };
        written
            .and_then(|()| self.output.flush())
            .map_err(file_error(Path::new("standard output")))
    }
}

fn text(made: &Made, endpoints: &Endpoints) -> String {
    let mut text = String::from("This is the first start. What follows is shown once.\n");
    if let Some(key) = &made.api_key {
        let key = key.expose_secret();
        let public = &endpoints.public;
        text.push_str(&format!(
            r#"
API key: {key}
  curl -X PUT -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{{"attributes":{{"colour":"blue"}}}}' {public}/api/2/things/org.example:lamp-1
  curl -H 'Authorization: Bearer {key}' {public}/api/2/whoami
"#
        ));
    }
    if let Some(password) = &made.password {
        let password = password.expose_secret();
        let operators = &endpoints.operators;
        text.push_str(&format!(
            "\nOperator password: {password}\n  curl -u 'devops:{password}' {operators}/status\n"
        ));
    }
    text
}
