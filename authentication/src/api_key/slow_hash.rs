//! Hashes of other servers that are slow on purpose: scrypt (RFC 7914) and argon2id (RFC 9106).

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use argon2::{Algorithm, Argon2, Params as Argon2Params, Version};
use subtle::ConstantTimeEq;

use super::hash::{HashError, HashText};

/// A slow hash within bounds: a file must not be able to ask for 16 GiB.
#[derive(Debug)]
pub(super) struct SlowHash {
    function: Function,
    salt: Box<[u8]>,
    tag: Box<[u8]>,
}

#[derive(Debug)]
enum Function {
    Scrypt(scrypt::Params),
    Argon2id(Argon2Params),
}

/// Bytes of memory that one run may take.
const MEMORY_BYTES_MAX: u64 = 256 << 20;
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
const TAG_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

impl SlowHash {
    pub(super) fn parse(text: &HashText) -> Result<Self, HashError> {
        let function = match text.algorithm.as_str() {
            "scrypt" => Function::Scrypt(scrypt_parameters(text)?),
            _ => Function::Argon2id(argon2_parameters(text)?),
        };
        if !SALT_BYTES.contains(&text.salt.len()) {
            return Err(HashError::Bounds {
                part: "salt",
                expected: "8 to 64 bytes",
            });
        }
        if !TAG_BYTES.contains(&text.tag.len()) {
            return Err(HashError::Bounds {
                part: "tag",
                expected: "16 to 64 bytes",
            });
        }
        Ok(Self {
            function,
            salt: text.salt.as_slice().into(),
            tag: text.tag.as_slice().into(),
        })
    }

    /// Whether this is the key, as the text that was sent; takes long, and as long for every key.
    pub(super) fn verify(&self, key: &str) -> bool {
        let mut tag = vec![0; self.tag.len()];
        let computed = match &self.function {
            Function::Scrypt(params) => {
                scrypt::scrypt(key.as_bytes(), &self.salt, params, &mut tag).is_ok()
            }
            Function::Argon2id(params) => {
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
                    .hash_password_into(key.as_bytes(), &self.salt, &mut tag)
                    .is_ok()
            }
        };
        computed && bool::from(tag.ct_eq(&self.tag))
    }

    /// About how long one run takes on this machine while nothing else runs.
    pub(super) fn estimated_cost(&self) -> Duration {
        let units = self.function.units();
        match self.function {
            Function::Scrypt(_) => SCRYPT_UNIT.mul_f64(units),
            Function::Argon2id(_) => ARGON2_UNIT.mul_f64(units),
        }
    }
}

impl Function {
    /// The size of one run in multiples of the smallest run that is accepted.
    fn units(&self) -> f64 {
        match self {
            Self::Scrypt(params) => {
                let times = f64::from(params.r()) / 8.0 * f64::from(params.p());
                f64::from(params.log_n() - 10).exp2() * times
            }
            Self::Argon2id(params) => {
                f64::from(params.m_cost()) / f64::from(8 << 10) * f64::from(params.t_cost())
            }
        }
    }
}

/// What scrypt of 1 MiB takes here.
static SCRYPT_UNIT: LazyLock<Duration> =
    LazyLock::new(|| time_of(scrypt::Params::new(10, 8, 1).ok().map(Function::Scrypt)));

/// What one pass of argon2id over 8 MiB takes here.
static ARGON2_UNIT: LazyLock<Duration> = LazyLock::new(|| {
    time_of(
        Argon2Params::new(8 << 10, 1, 1, None)
            .ok()
            .map(Function::Argon2id),
    )
});

fn time_of(function: Option<Function>) -> Duration {
    let began = Instant::now();
    if let Some(function) = function {
        let hash = SlowHash {
            function,
            salt: [0; 16].into(),
            tag: [0; 32].into(),
        };
        hash.verify("");
    }
    began.elapsed()
}

/// The slow hash that Edge Server makes of a key.
pub(super) fn write(key: &str, salt: [u8; 16]) -> String {
    let params = scrypt::Params::new(16, 8, 1).expect("the parameters are within bounds");
    let mut tag = [0; 32];
    scrypt::scrypt(key.as_bytes(), &salt, &params, &mut tag).expect("the tag has a valid length");
    STANDARD.encode(format!(
        "scrypt$ln=16,r=8,p=1${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(tag)
    ))
}

fn scrypt_parameters(text: &HashText) -> Result<scrypt::Params, HashError> {
    let log_n = text.number("ln", (10..=18, "10 to 18"))?;
    let r = text.number("r", (1..=16, "1 to 16"))?;
    let p = text.number("p", (1..=4, "1 to 4"))?;
    if text.parameters.len() != 3 || text.version.is_some() {
        return Err(HashError::Shape { part: "parameters" });
    }
    if (128 * u64::from(r)) << log_n > MEMORY_BYTES_MAX {
        return Err(HashError::Bounds {
            part: "ln",
            expected: "at most 256 MiB of memory in 128 * r * 2^ln",
        });
    }
    scrypt::Params::new(u8::try_from(log_n).unwrap_or(u8::MAX), r, p).map_err(|_| {
        HashError::Bounds {
            part: "parameters",
            expected: "parameters of scrypt",
        }
    })
}

fn argon2_parameters(text: &HashText) -> Result<Argon2Params, HashError> {
    if text
        .version
        .as_deref()
        .is_some_and(|version| version != "19")
    {
        return Err(HashError::Bounds {
            part: "v",
            expected: "19",
        });
    }
    let memory_kib = text.number("m", (8 << 10..=256 << 10, "8192 to 262144 KiB"))?;
    let time = text.number("t", (1..=10, "1 to 10"))?;
    let parallelism = text.number("p", (1..=8, "1 to 8"))?;
    if text.parameters.len() != 3 {
        return Err(HashError::Shape { part: "parameters" });
    }
    Argon2Params::new(memory_kib, time, parallelism, Some(text.tag.len())).map_err(|_| {
        HashError::Bounds {
            part: "parameters",
            expected: "parameters of argon2id",
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes 0 to 31 as base64: the text is what is hashed.
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn cheap_scrypt() -> SlowHash {
        let salt: Vec<u8> = (0..16).collect();
        let tag = STANDARD_NO_PAD.decode("TZaUKe+4KQsWftLel19j0ihOgRWiXTj8gQKk9PqPM3A");
        SlowHash {
            function: Function::Scrypt(scrypt::Params::new(4, 8, 1).unwrap()),
            salt: salt.into(),
            tag: tag.unwrap().into(),
        }
    }

    #[test]
    fn scrypt_agrees_with_openssl() {
        assert!(cheap_scrypt().verify(KEY));
        assert!(!cheap_scrypt().verify(&KEY.replace("Hh8=", "Hh9=")));
        assert!(!cheap_scrypt().verify(""));
    }

    #[track_caller]
    fn check_units(function: Function, expected: f64) {
        assert!((function.units() - expected).abs() < f64::EPSILON);
    }

    #[test]
    fn the_cost_grows_with_the_parameters() {
        let scrypt = |log_n, r, p| Function::Scrypt(scrypt::Params::new(log_n, r, p).unwrap());
        check_units(scrypt(10, 8, 1), 1.0);
        check_units(scrypt(16, 8, 1), 64.0);
        check_units(scrypt(12, 4, 3), 6.0);
        let argon2 = |m, t| Function::Argon2id(Argon2Params::new(m, t, 1, None).unwrap());
        check_units(argon2(8 << 10, 1), 1.0);
        check_units(argon2(16 << 10, 3), 6.0);
        assert!(time_of(Some(scrypt(10, 8, 1))) > Duration::ZERO);
    }
}
