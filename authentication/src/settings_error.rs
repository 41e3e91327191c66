//! What makes a provider's settings unusable: found at construction, never per request.

use crate::api_key::HashError;
use crate::password::PasswordHashFault;
use crate::placeholder::TemplateError;

/// The settings of a provider contradict each other or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A subject prefix that another provider vouches for.
    #[error("subject prefix `{prefix}` belongs to another provider")]
    ReservedPrefix {
        /// The prefix.
        prefix: String,
    },
    /// The name of an issuer or the prefix of the API keys' subjects cannot start a subject.
    #[error("`{name}` cannot be the first half of a subject: it is empty or has a `:`")]
    SubjectIssuer {
        /// The name.
        name: String,
    },
    /// An issuer entry without an issuer.
    #[error("issuer entry `{name}` lists no issuer")]
    NoIssuer {
        /// The entry's name.
        name: String,
    },
    /// An issuer with a scheme, which the setting `protocol` adds.
    #[error("issuer `{issuer}` of entry `{name}` must be written without a scheme")]
    IssuerScheme {
        /// The entry's name.
        name: String,
        /// The issuer.
        issuer: String,
    },
    /// An issuer that is no host with an optional port and path.
    #[error("issuer `{issuer}` of entry `{name}` is no host with an optional path")]
    IssuerAddress {
        /// The entry's name.
        name: String,
        /// The issuer.
        issuer: String,
    },
    /// Plain HTTP to a host that is not this one.
    #[error("issuer `{issuer}` of entry `{name}` is not on loopback: protocol `http` is refused")]
    InsecureIssuer {
        /// The entry's name.
        name: String,
        /// The issuer.
        issuer: String,
    },
    /// Two entries list one issuer: which of them wins would be chance.
    #[error("issuer `{issuer}` is listed twice")]
    DuplicateIssuer {
        /// The issuer.
        issuer: String,
    },
    /// An empty audience list would refuse every token.
    #[error("issuer entry `{name}` lists no audience: name one, or write `any`")]
    NoAudience {
        /// The entry's name.
        name: String,
    },
    /// A template that cannot be understood.
    #[error("template `{template}` of issuer entry `{name}`")]
    Template {
        /// The entry's name.
        name: String,
        /// The template's text.
        template: String,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// A condition of a namespace rule that cannot be understood.
    #[error("condition `{condition}` of a namespace rule: {reason}")]
    NamespaceCondition {
        /// The condition's text.
        condition: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A namespace pattern with characters that no namespace has.
    #[error("namespace pattern `{pattern}` has characters other than `A-Za-z0-9._-*?`, or none")]
    NamespacePattern {
        /// The pattern.
        pattern: String,
    },
    /// The template of the subjects of token integration cannot be understood.
    #[error("template `{template}` of the integration subject")]
    IntegrationTemplate {
        /// The template's text.
        template: String,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// The file with the issuer's keys cannot be read.
    #[error("key file `{path}` of issuer entry `{name}` cannot be read")]
    KeyFile {
        /// The entry's name.
        name: String,
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file with the issuer's keys holds no usable key.
    #[error("key file `{path}` of issuer entry `{name}` holds no usable key")]
    NoUsableKey {
        /// The entry's name.
        name: String,
        /// The file.
        path: String,
    },
    /// The client for outgoing requests could not be made.
    #[error("the HTTP client could not be made: {message}")]
    HttpClient {
        /// What the library said.
        message: String,
    },
    /// The brand of the API keys is malformed.
    #[error(
        "brand `{brand}` is not a lower-case letter followed by 1 to 7 lower-case letters or digits"
    )]
    Brand {
        /// The brand.
        brand: String,
    },
    /// An identity's verifier cannot be used.
    #[error("credential {position} of identity `{identity}`")]
    Credential {
        /// The identity's name.
        identity: String,
        /// Which of its credentials, from 1.
        position: usize,
        /// What is wrong with it.
        #[source]
        source: HashError,
    },
    /// Two credentials share one key id, or are the same.
    #[error("identities `{first}` and `{second}` share the key id `{key_id}`")]
    DuplicateCredential {
        /// The identity that has it first.
        first: String,
        /// The identity that has it again.
        second: String,
        /// The key id.
        key_id: String,
    },
    /// An identity names a permission set that does not exist.
    #[error("identity `{identity}` names the permission set `{set}`, which does not exist")]
    PermissionSet {
        /// The identity's name.
        identity: String,
        /// The set's name.
        set: String,
    },
    /// A hint is not what `api-key hint` prints.
    #[error(
        "the hint of credential {position} of identity `{identity}` is not 8 hexadecimal digits"
    )]
    KeyHint {
        /// The identity's name.
        identity: String,
        /// Which of its credentials, from 1.
        position: usize,
    },
    /// Unknown keys would cost too much.
    #[error(
        "{count} slow hashes have no hint, {max} may: every unknown key costs one run of each; see `twinward api-key hint`"
    )]
    TooManyUnhinted {
        /// How many have none.
        count: usize,
        /// How many may have none.
        max: usize,
    },
    /// No thread for slow hashes.
    #[error("the threads for slow hashes could not be started")]
    SlowLane {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The secret shared with the proxy can be guessed.
    #[error(
        "the secret of the assertion has fewer than {bytes_min} bytes; `openssl rand -hex 32` makes one"
    )]
    AssertionSecret {
        /// As many it must have.
        bytes_min: usize,
    },
    /// An identity's id does not make a subject.
    #[error(
        "id `{id}` of identity `{identity}` has characters other than `A-Za-z0-9._:/@-`, or not 1 to 128 of them"
    )]
    IdentityId {
        /// The identity's name.
        identity: String,
        /// The id.
        id: String,
    },
    /// A further subject of an identity is no subject, or belongs to another provider.
    #[error("subject `{subject}` of identity `{identity}` is none")]
    IdentitySubject {
        /// The identity's name.
        identity: String,
        /// The subject.
        subject: String,
    },
    /// A password hash cannot be used.
    #[error("password hash {position} cannot be used: {fault}")]
    PasswordHash {
        /// Which of the hashes, from 1.
        position: usize,
        /// Why, and what to write instead.
        fault: PasswordHashFault,
    },
}
