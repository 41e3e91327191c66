//! Whether a setting lets fewer in than before, or makes what it lets in something else; remarks and wider doors do not.

use std::collections::{BTreeMap, BTreeSet};

use authentication::Scope;
use authentication::api_key::KeyVerifier;
use jiff::Timestamp;

use crate::config::authentication::{
    ApiKeys, Identity, IdentityCredential, PermissionSet, Permissions, PreAuthenticated,
};
use crate::config::value::{Cidr, Secret};

pub(super) fn api_keys(before: &ApiKeys, after: &ApiKeys) -> bool {
    before.brand != after.brand
        || before.env != after.env
        || before.subject_prefix != after.subject_prefix
        || !is_same_secret(before.pepper.as_ref(), after.pepper.as_ref())
}

pub(super) fn pre_authenticated(before: &PreAuthenticated, after: &PreAuthenticated) -> bool {
    let (secret_before, secret) = (&before.assertion.secret, &after.assertion.secret);
    !after.enabled
        || !covers(&after.trusted_proxies, &before.trusted_proxies)
        || has_lost(&before.subject_prefixes, &after.subject_prefixes)
        || after.single_subject && !before.single_subject
        || secret.is_some() && !is_same_secret(secret_before.as_ref(), secret.as_ref())
}

pub(super) fn permission_set(before: &PermissionSet, after: Option<&PermissionSet>) -> bool {
    let (before, after) = match (&before.permissions, after.map(|set| &set.permissions)) {
        (_, None) => return true,
        (_, Some(Permissions::Word(_))) => return false,
        (Permissions::Word(_), Some(Permissions::Scopes(_))) => return true,
        (Permissions::Scopes(before), Some(Permissions::Scopes(after))) => (before, after),
    };
    let after: Vec<Scope> = after.iter().filter_map(|text| text.parse().ok()).collect();
    let before = before.iter().filter_map(|text| text.parse::<Scope>().ok());
    let is_left = |scope: &Scope| {
        after.iter().any(|other| {
            other.word == scope.word
                && (other.namespace.is_none() || other.namespace == scope.namespace)
        })
    };
    before.into_iter().any(|scope| !is_left(&scope))
}

/// Whether all keys of the identity are concerned, whatever became of each.
pub(super) fn identity(name: &str, before: &Identity, after: &Identity) -> bool {
    let lacks = |before: &[String], after: &[String]| before.iter().any(|it| !after.contains(it));
    after.disabled
        || before.effective_id(name) != after.effective_id(name)
        || lacks(&before.permissions, &after.permissions)
        || lacks(&before.subjects, &after.subjects)
        || is_shorter(
            (before.not_before, before.expires_at),
            (after.not_before, after.expires_at),
        )
        || !after.allow_from.is_empty() && !covers(&after.allow_from, &before.allow_from)
}

/// The ids of the keys that are as good as before.
pub(super) fn kept_keys(before: &Identity, after: &Identity) -> BTreeSet<String> {
    let (before, after) = (by_key_id(before), by_key_id(after));
    let is_kept = |(id, credential): &(String, &IdentityCredential)| {
        after.get(id).is_some_and(|other| {
            credential.api_key.expose() == other.api_key.expose()
                && !is_shorter(
                    (credential.not_before, credential.expires_at),
                    (other.not_before, other.expires_at),
                )
        })
    };
    before
        .into_iter()
        .filter(is_kept)
        .map(|(id, _)| id)
        .collect()
}

fn by_key_id(identity: &Identity) -> BTreeMap<String, &IdentityCredential> {
    let credentials = identity.all_credentials();
    credentials.map(|each| (key_id(each), each)).collect()
}

/// A key whose id cannot be told is one of its own.
fn key_id(credential: &IdentityCredential) -> String {
    let hash = credential.api_key.expose();
    let verifier = KeyVerifier::parse(hash, None).ok();
    verifier.map_or_else(|| hash.to_owned(), |verifier| verifier.key_id().to_owned())
}

type Period = (Option<Timestamp>, Option<Timestamp>);

fn is_shorter((begins_before, ends_before): Period, (begins, ends): Period) -> bool {
    begins.is_some_and(|at| begins_before.is_none_or(|before| at > before))
        || ends.is_some_and(|at| ends_before.is_none_or(|before| at < before))
}

/// Whether each of `inner` lies within one of `outer`; none at all stands for everywhere.
fn covers(outer: &[Cidr], inner: &[Cidr]) -> bool {
    let is_within = |inner: &Cidr| {
        outer.iter().any(|outer| match (outer, inner) {
            (Cidr::Network(outer), Cidr::Network(inner)) => outer.contains(inner),
            (Cidr::Unix, Cidr::Unix) => true,
            (Cidr::Unix, Cidr::Network(_)) | (Cidr::Network(_), Cidr::Unix) => false,
        })
    };
    !inner.is_empty() && inner.iter().all(is_within)
}

/// Whether something is no longer among `after`; none at all stands for everything.
fn has_lost(before: &[String], after: &[String]) -> bool {
    !after.is_empty() && (before.is_empty() || before.iter().any(|it| !after.contains(it)))
}

fn is_same_secret(one: Option<&Secret>, other: Option<&Secret>) -> bool {
    one.map(Secret::expose) == other.map(Secret::expose)
}
