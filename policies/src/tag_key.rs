//! Tags of parts, from which nobody can tell what the parts hold.

use std::fmt;
use std::hash::Hasher as _;

use journal::{EntityKind, StoreSecret};
use json_writer::{WriteJson as _, scratch};
use serde_json::Value;
use siphasher::sip::SipHasher13;
use xxhash_rust::xxh3::xxh3_128;

use crate::{EntityTag, Pointer};

/// Makes the tags of one store: equal for equal content of the same part, over restarts, and unlike those of any other
/// part, so that a tag cannot be found again by trying contents elsewhere.
///
/// SipHash is a pseudorandom function: without its key, which is made of the secret of the store, tags say no more than
/// whether they are equal.
#[derive(Clone, Copy)]
pub struct TagKey(SipHasher13);

/// The part of an entity that a tag is about.
#[derive(Debug, Clone, Copy)]
pub struct Tagged<'t> {
    /// Of what kind of entity.
    pub kind: EntityKind,
    /// Of which.
    pub id: &'t str,
    /// Where in it.
    pub path: &'t Pointer,
}

/// Ends ids and keys; no UTF-8 text contains it.
const END: [u8; 1] = [0xff];

impl TagKey {
    /// The key of the store with this secret.
    pub fn new(secret: &StoreSecret) -> Self {
        let mut hasher = SipHasher13::new_with_key(secret);
        // The secret may serve other purposes, too.
        hasher.write(b"entity tag");
        Self(hasher)
    }

    /// The tag of a part that holds `value`.
    pub fn of_value(&self, part: Tagged<'_>, value: &Value) -> EntityTag {
        scratch::in_scratch(
            |buffer| value.write_json(buffer),
            |json| self.of_json(part, json),
        )
    }

    /// The same of what is compact JSON already.
    pub fn of_json(&self, part: Tagged<'_>, compact: &[u8]) -> EntityTag {
        let mut hasher = self.0;
        hasher.write(&[kind_byte(part.kind)]);
        hasher.write(part.id.as_bytes());
        hasher.write(&END);
        for key in part.path.segments() {
            hasher.write(key.as_bytes());
            hasher.write(&END);
        }
        hasher.write(&xxh3_128(compact).to_be_bytes());
        EntityTag::Hash(hasher.finish())
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TagKey")
    }
}

const fn kind_byte(kind: EntityKind) -> u8 {
    match kind {
        EntityKind::Thing => b't',
        EntityKind::Policy => b'p',
        EntityKind::Revocation => b'r',
        EntityKind::Erasure => b'e',
        EntityKind::Announcement => b'a',
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: StoreSecret = [7; 16];

    fn tag((kind, id, path): (EntityKind, &str, &str), value: &Value) -> EntityTag {
        let path = &path.parse().unwrap();
        TagKey::new(&SECRET).of_value(Tagged { kind, id, path }, value)
    }

    #[test]
    fn a_tag_belongs_to_one_content_of_one_part_in_one_store() {
        let (here, value) = ((EntityKind::Thing, "a:b", "/a/b"), json!(4711));
        let known = tag(here, &value);
        // Clients keep tags over restarts and new versions.
        assert_eq!(known.to_string(), "\"hash:4e603e6e77155d8c\"");
        assert_ne!(tag(here, &json!(4712)), known);
        let elsewhere = [
            (EntityKind::Policy, "a:b", "/a/b"),
            (EntityKind::Thing, "a:c", "/a/b"),
            (EntityKind::Thing, "a:b", "/a/c"),
            (EntityKind::Thing, "a:b", "/ab"),
            (EntityKind::Thing, "a:b", "/a/b/c"),
        ];
        for part in elsewhere {
            assert_ne!(tag(part, &value), known, "{part:?}");
        }
        let (path, other) = (here.2.parse().unwrap(), TagKey::new(&[8; 16]));
        let part = Tagged {
            kind: here.0,
            id: here.1,
            path: &path,
        };
        assert_ne!(other.of_value(part, &value), known);
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert_eq!(format!("{:?}", TagKey::new(&SECRET)), "TagKey");
    }
}
