//! A small file beside the journal with random bytes that belong to the store.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use aws_lc_rs::rand;

use crate::{StoreError, StoreSecret};

/// Where the bytes are until all of them are on the disk.
const UNFINISHED: &str = "unfinished";

/// Reads the file at `path`, or makes it.
pub(super) fn open(path: &Path) -> Result<StoreSecret, StoreError> {
    match fs::read(path) {
        Ok(bytes) => StoreSecret::try_from(bytes).map_err(|bytes| StoreError::Damaged {
            reason: format!(
                "`{}` has {} bytes, and should have {}",
                path.display(),
                bytes.len(),
                size_of::<StoreSecret>()
            ),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut secret = StoreSecret::default();
            rand::fill(&mut secret).expect("the operating system gives random bytes");
            write(path, &secret)?;
            Ok(secret)
        }
        Err(error) => Err(failed("reading the secret of the store")(error)),
    }
}

/// Makes the file at `path`, which only its owner may read; the folder is still to be synced.
pub(super) fn write(path: &Path, secret: &StoreSecret) -> Result<(), StoreError> {
    let unfinished = path.with_extension(UNFINISHED);
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
        .open(&unfinished)
        .and_then(|mut file| file.write_all(secret).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(failed("writing the secret of the store"))
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |error| StoreError::Engine {
        action,
        source: Box::new(error),
    }
}
