//! Reading the configuration: file, environment, flags, then the rules no single value can break.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Config, announcements,
    environment::{self, Environment},
    error::{ConfigError, Problem},
    layers::{self, Layer},
    places::{Place, Places},
    refusals,
    schema::{Checker, json_schema, navigate},
    server::REQUEST_TIMEOUT_MS,
    tree::{self, Data, Node},
    values::{Unshown, Values},
};

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The file; without one, relative paths resolve against the working directory.
    pub file: Option<PathBuf>,
    /// The environment's variables.
    pub environment: Environment,
    /// What the command line says.
    pub flags: Flags,
}

/// What the command line says; it wins over everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--enable-pre-authentication`
    pub enable_pre_authentication: bool,
    /// `--listen`
    pub listen: Option<String>,
    /// `--devops-listen`
    pub devops_listen: Option<String>,
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--print-credentials`: show what the first start makes even where no terminal is.
    pub print_credentials: bool,
    /// `--accept-damaged-tail`: start although the end of the journal is damaged.
    pub accept_damaged_tail: bool,
}

/// A configuration that may be started with.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file they came from.
    pub file: Option<PathBuf>,
    /// Where each setting was written.
    pub places: Places,
    /// What the command line said.
    pub flags: Flags,
    /// The environment's variables, for reading the same again.
    pub environment: Unshown<Environment>,
    /// What was written, layer over layer.
    pub values: Values,
    /// SHA-256 of the file, as `sha256:` and hexadecimal digits.
    pub digest: Option<String>,
    /// What an operator should know about them, one sentence each, for the log at start-up.
    pub announcements: Vec<String>,
}

impl Loaded {
    /// Reads the same file again, with the same environment and flags.
    ///
    /// # Errors
    ///
    /// As [`load`].
    pub(crate) fn again(&self) -> Result<Self, ConfigError> {
        load(&LoadOptions {
            file: self.file.clone(),
            environment: self.environment.0.clone(),
            flags: self.flags.clone(),
        })
    }

    /// Every file that this was read from: when one of them changes, it is read again.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let own = self
            .file
            .as_deref()
            .map(|file| self.folder().join(file.file_name().unwrap_or_default()));
        own.into_iter()
            .chain(self.places.files().map(Path::to_owned))
            .chain(self.config.files())
            .collect()
    }

    fn folder(&self) -> PathBuf {
        folder_of(self.file.as_deref())
    }
}

/// What becomes of the hashes of API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hashes {
    Read,
    Leave,
}

/// Reads the configuration.
///
/// # Errors
///
/// [`ConfigError`] with everything that is wrong or unsafe, each with its place.
pub fn load(options: &LoadOptions) -> Result<Loaded, ConfigError> {
    load_with(options, Hashes::Read)
}

/// As [`load`], with the hashes of API keys left as they are: for commands that make or replace them.
///
/// # Errors
///
/// As [`load`].
pub(crate) fn load_without_hashes(options: &LoadOptions) -> Result<Loaded, ConfigError> {
    load_with(options, Hashes::Leave)
}

fn load_with(options: &LoadOptions, hashes: Hashes) -> Result<Loaded, ConfigError> {
    let folder = folder_of(options.file.as_deref());
    let mut places = Places::default();
    let mut checker = Checker {
        environment: &options.environment,
        folder: &folder,
        places: &mut places,
        problems: Vec::new(),
    };
    let (file_layer, digest) = match &options.file {
        Some(file) => {
            let text = read(file)?;
            (file_layer(file, &text, &mut checker)?, Some(digest(&text)))
        }
        None => (Value::Object(Map::new()), None),
    };
    let overrides = environment::overrides(&options.environment, &file_layer, &mut checker)
        .into_iter()
        .chain(flag_overrides(&options.flags));
    let mut values = vec![Layer(file_layer.clone())];
    for (keys, node) in overrides {
        values.extend(override_layer(&keys, &node, &file_layer, &mut checker));
    }
    let problems = checker.problems;
    if !problems.is_empty() {
        return Err(ConfigError::Invalid(problems));
    }
    let values = layers::join(values).map_err(|error| untyped(&error.to_string()))?;
    let mut config = typed(&values)?.resolved(&folder);
    let mut refused = refusals::of(&config, &places, &options.environment);
    if hashes == Hashes::Read {
        refused.extend(refusals::of_hashes(&config, &places));
    }
    if !refused.is_empty() {
        return Err(ConfigError::Invalid(refused));
    }
    environment::hash_operator_passwords(&options.environment, &mut config.devops);
    let mut announcements = announcements::no_effect_yet(&places, &options.environment);
    announcements.extend(announcements::reaching_less(&config));
    Ok(Loaded {
        config,
        file: options.file.clone(),
        places,
        flags: options.flags.clone(),
        environment: Unshown(options.environment.clone()),
        values: Values::new(values),
        digest,
        announcements,
    })
}

fn folder_of(file: Option<&Path>) -> PathBuf {
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    std::path::absolute(folder.join("."))
        .map_or_else(|_| folder.to_owned(), |path| path.components().collect())
}

fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
        path: file.to_owned(),
        source,
    })
}

/// The digest of the file as it is now, whether it can be used or not.
pub(crate) fn digest_of(file: Option<&Path>) -> Option<String> {
    std::fs::read_to_string(file?)
        .ok()
        .map(|text| digest(&text))
}

/// Tells one version of the file from another, in audit records and status.
fn digest(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

fn file_layer(file: &Path, text: &str, checker: &mut Checker<'_>) -> Result<Value, ConfigError> {
    let root =
        tree::parse_file(text, file).map_err(|problem| ConfigError::Invalid(vec![problem]))?;
    let mut values = checker.check(json_schema(), &root, "");
    fold_request_timeout(&mut values, checker);
    Ok(values)
}

/// `request_timeout_ms` is another name of `request_timeout`: bare numbers are milliseconds.
fn fold_request_timeout(values: &mut Value, checker: &mut Checker<'_>) {
    let server = values.get_mut("http_server").and_then(Value::as_object_mut);
    let Some(server) = server else { return };
    let Some(milliseconds) = server.remove(REQUEST_TIMEOUT_MS) else {
        return;
    };
    let key = "http_server.request_timeout_ms";
    if server.contains_key("request_timeout") {
        checker.problems.push(Problem {
            place: checker.places.nearest(key).cloned(),
            key: key.to_owned(),
            message: "`request_timeout` is the same setting; keep one of the two".to_owned(),
        });
    }
    server.insert("request_timeout".to_owned(), milliseconds);
}

fn flag_overrides(flags: &Flags) -> Vec<(Vec<String>, Node)> {
    let text = |value: &str| Data::Text(value.to_owned());
    let data = flags
        .data
        .as_ref()
        .map(|path| text(&path.to_string_lossy()));
    let settings = [
        (
            "enable-pre-authentication",
            "auth.pre_authenticated.enabled",
            flags
                .enable_pre_authentication
                .then_some(Data::Boolean(true)),
        ),
        (
            "listen",
            "http_server.listen_addr",
            flags.listen.as_deref().map(text),
        ),
        (
            "devops-listen",
            "devops.listen_addr",
            flags.devops_listen.as_deref().map(text),
        ),
        ("data", "store.path", data),
    ];
    settings
        .into_iter()
        .filter_map(|(flag, key, data)| {
            let place = Place::Flag(flag.to_owned());
            let keys = key.split('.').map(str::to_owned).collect();
            Some((keys, Node { place, data: data? }))
        })
        .collect()
}

/// One setting from the environment or the command line as a layer of its own.
fn override_layer(
    keys: &[String],
    node: &Node,
    file_layer: &Value,
    checker: &mut Checker<'_>,
) -> Option<Layer> {
    let key = keys.join(".");
    let segments: Vec<&str> = keys.iter().map(String::as_str).collect();
    if segments.first() == Some(&"auth") && file_layer.get("auth").is_some_and(Value::is_string) {
        let message = "the file says `auth: dev_mode`, which asks nobody for a credential; write `auth:` with its keys instead, or remove this setting";
        checker
            .problems
            .push(Problem::at(&node.place, &key, message));
        return None;
    }
    let schema = navigate(&segments).ok()?;
    let value = checker.check(schema, node, &key);
    let nested = segments.iter().rev().fold(
        value,
        |value, segment| serde_json::json!({ *segment: value }),
    );
    Some(Layer(nested))
}

fn typed(values: &Value) -> Result<Config, ConfigError> {
    Config::deserialize(values).map_err(|error| untyped(&error.to_string()))
}

fn untyped(message: &str) -> ConfigError {
    ConfigError::Invalid(vec![Problem {
        place: None,
        key: String::new(),
        message: message.to_owned(),
    }])
}
