//! `{ file: PATH }` and `{ env: NAME }` wherever a text stands.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Branches, Checker};
use crate::config::{
    error::Problem,
    refusals::others_may_read,
    tree::{Data, Node},
};

impl Checker<'_> {
    /// The text that `node` points at, if it points anywhere and a text may stand here.
    pub(super) fn indirection(
        &mut self,
        branches: &Branches<'_>,
        node: &Node,
        key: &str,
    ) -> Option<Value> {
        let source = Indirection::of(node)?;
        branches.for_text().next()?;
        let text = match &source {
            Indirection::File(path) => {
                let path = self.folder.join(path);
                self.places.insert_file(&path);
                read_secret(&path)
            }
            Indirection::Environment(name) => {
                self.places.insert_variable(name);
                let text = self.environment.get(name).cloned();
                text.ok_or_else(|| format!("the environment variable `{name}` is not set"))
            }
        };
        match text {
            Ok(text) => Some(Value::from(text)),
            Err(message) => {
                self.problems.push(Problem::at(&node.place, key, message));
                Some(Value::from(""))
            }
        }
    }
}

/// Where a text is kept instead of in the file.
enum Indirection {
    File(PathBuf),
    Environment(String),
}

impl Indirection {
    fn of(node: &Node) -> Option<Self> {
        let Data::Map(entries) = &node.data else {
            return None;
        };
        let [entry] = entries.as_slice() else {
            return None;
        };
        match (entry.key.as_str(), &entry.value.data) {
            ("file", Data::Text(path)) => Some(Self::File(PathBuf::from(path))),
            ("env", Data::Text(name)) => Some(Self::Environment(name.clone())),
            _ => None,
        }
    }
}

/// The text of a file without its last line break.
fn read_secret(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the file `{shown}` cannot be read: {error}"))?;
    if others_may_read(path) {
        return Err(format!(
            "every user of this machine may read the file `{shown}`; run `chmod 600 {shown}`"
        ));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}
