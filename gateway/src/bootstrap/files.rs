//! The files of the first credentials: private from the moment they exist.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{BootstrapError, file_error};

/// The hashes of the first credentials, as kept in the file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operator_password: Option<String>,
}

impl Stored {
    pub(super) fn read(folder: &Path) -> Result<Self, BootstrapError> {
        let path = hashes_path(folder);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(file_error(&path)(error)),
        };
        let damaged = |error: config::ConfigError| BootstrapError::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        };
        config::Config::builder()
            .add_source(config::File::from_str(&text, config::FileFormat::Yaml))
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(damaged)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), BootstrapError> {
        let mut text = String::from("# Hashes of the credentials that the first start made.\n");
        for (name, hash) in [
            ("api_key", &self.api_key),
            ("operator_password", &self.operator_password),
        ] {
            if let Some(hash) = hash {
                text.push_str(&format!("{name}: \"{hash}\"\n"));
            }
        }
        write_private(&hashes_path(folder), &text)
    }
}

/// The file with the hashes.
pub(super) fn hashes_path(folder: &Path) -> PathBuf {
    folder.join("bootstrap.yaml")
}

/// Makes the folder of the store, for its owner only.
pub(super) fn create_folder(folder: &Path) -> Result<(), BootstrapError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(file_error(folder))
}

/// Writes a file that only its owner may read; after a crash it is there whole or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), BootstrapError> {
    let draft = path.with_extension("new");
    let write = || {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        let folder = path.parent().expect("the file lies in the store's folder");
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(file_error(path))
}
