//! Where each setting was written, so that every complaint can point at it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file, counted from 1.
    File {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// In an environment variable.
    Environment(String),
    /// In a command line flag.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// The places of all settings that were written, by their dotted key.
#[derive(Clone, Debug, Default)]
pub struct Places {
    settings: BTreeMap<String, Place>,
    files: BTreeSet<PathBuf>,
    variables: BTreeSet<String>,
}

impl Places {
    /// Remembers where `key` was written; a later layer replaces an earlier one.
    pub(crate) fn insert(&mut self, key: &str, place: Place) {
        self.settings.insert(key.to_owned(), place);
    }

    /// Remembers a file that holds a value; whether it can be read or not.
    pub(crate) fn insert_file(&mut self, path: &Path) {
        self.files.insert(path.to_owned());
    }

    /// The files that hold values, other than the configuration file itself.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Remembers an environment variable that holds a value; whether it is set or not.
    pub(crate) fn insert_variable(&mut self, name: &str) {
        self.variables.insert(name.to_owned());
    }

    /// Whether the file says that a value is in this environment variable.
    pub(crate) fn reads_variable(&self, name: &str) -> bool {
        self.variables.contains(name)
    }

    /// Whether `key` itself was written.
    pub fn is_set(&self, key: &str) -> bool {
        self.settings.contains_key(key)
    }

    /// Every key that was written.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(String::as_str)
    }

    /// Where `key`, or else the section around it, was written.
    pub fn nearest(&self, key: &str) -> Option<&Place> {
        let mut key = key;
        loop {
            if let Some(place) = self.settings.get(key) {
                return Some(place);
            }
            key = key.rsplit_once('.')?.0;
        }
    }
}

/// The dotted key of `name` inside the section `parent`.
pub(crate) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}
