//! Policies and things that an import comes back to, kept on the disk meanwhile.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::backup::private;

/// The file, below the folder of the store, which nobody else uses.
const FILE: &str = "import.waiting";

/// Where one of them is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    begin: u64,
    length: u64,
}

/// The disk is touched only once there is something to keep.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: Option<File>,
    end: u64,
}

impl Spool {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
            file: None,
            end: 0,
        }
    }

    pub(super) fn push(&mut self, value: &Value) -> io::Result<Span> {
        let text = value.to_string();
        let span = Span {
            begin: self.end,
            length: text.len() as u64,
        };
        let mut file = match &self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path)?),
        };
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(text.as_bytes())?;
        self.end += span.length;
        Ok(span)
    }

    pub(super) fn read(&self, span: Span) -> io::Result<Value> {
        let mut file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(span.begin))?;
        let mut bytes = Vec::new();
        file.take(span.length).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // What is left of it is written over by the next import.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = private();
    options.read(true).create(true).truncate(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_kept_is_read_again_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let values = [json!({ "a": "ü" }), json!([1, 2]), json!({})];
        let spans: Vec<Span> = values.iter().map(|it| spool.push(it).unwrap()).collect();
        for (value, span) in values.iter().zip(&spans).rev() {
            assert_eq!(spool.read(*span).unwrap(), *value);
        }
        spool.push(&json!(7)).unwrap();
        assert_eq!(spool.read(spans[1]).unwrap(), values[1]);
        drop(spool);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
