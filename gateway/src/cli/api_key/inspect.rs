//! Says what a key says of itself, never its secret.

use authentication::api_key::{KeyShapeError, NativeKey, key_hint};
use secrecy::ExposeSecret;

use super::super::{Console, Failure};
use super::sources::read_key;

/// Whether the key on standard input is whole.
pub(super) fn run(console: &mut Console<'_>) -> Result<bool, Failure> {
    let key = read_key(console)?;
    let text = key.expose_secret();
    match NativeKey::parse(text) {
        Ok(parts) => {
            let NativeKey {
                brand,
                environment,
                key_id,
            } = parts;
            show(console, (brand, environment.as_str(), key_id), "ok")?;
            Ok(true)
        }
        Err(KeyShapeError::Checksum) => {
            let mut parts = text.split('_');
            let mut next = || parts.next().unwrap_or_default();
            show(console, (next(), next(), next()), "wrong")?;
            Ok(false)
        }
        Err(_) if !text.contains(['_', '.']) && key_hint(&key).is_ok() => {
            writeln!(console.output, "Format: edge\nChecksum: none")?;
            Ok(true)
        }
        Err(error) => Err(Failure::Usage(format!("key.shape: {error}"))),
    }
}

fn show(
    console: &mut Console<'_>,
    (brand, environment, key_id): (&str, &str, &str),
    checksum: &str,
) -> Result<(), Failure> {
    writeln!(
        console.output,
        "Format: native\nBrand: {brand}\nEnvironment: {environment}\nKey Id: {key_id}\nChecksum: {checksum}"
    )?;
    Ok(())
}
