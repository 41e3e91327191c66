//! One event as one line of JSON: member names and their order are the contract of `docs/audit.md`.

use std::io;

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};
use serde_json::ser::Formatter;
use serde_json::{Map, Value};

use crate::event::{Actor, Event, Permission, Request, Response, Source};

/// No line is longer, its line feed included.
pub(crate) const LINE_BYTES_MAX: usize = 8 * 1024;
/// Few lines are longer.
const LINE_BYTES_USUAL: usize = 1024;

/// Folded events: how many, and when the first and the last of them happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aggregate {
    pub(crate) count: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// What only the writer knows of a line.
pub(crate) struct Stamp<'a> {
    pub(crate) boot: &'a str,
    pub(crate) sequence: u64,
    /// SHA-256 of the line before, as hexadecimal digits.
    pub(crate) previous: Option<&'a str>,
}

/// What waits for the writer.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    pub(crate) epoch: u64,
    pub(crate) aggregate: Option<Aggregate>,
}

/// The line of `entry`, with its line feed.
pub(crate) fn render(entry: &Entry, stamp: &Stamp<'_>) -> Vec<u8> {
    let mut line = serialized(entry, stamp);
    if line.len() > LINE_BYTES_MAX {
        line = serialized(&shortened(entry), stamp);
    }
    line
}

fn serialized(entry: &Entry, stamp: &Stamp<'_>) -> Vec<u8> {
    let mut line = Vec::with_capacity(LINE_BYTES_USUAL);
    let mut serializer = serde_json::Serializer::with_formatter(&mut line, Harmless);
    Line { entry, stamp }
        .serialize(&mut serializer)
        .expect("a line has text keys and is written to memory");
    line.push(b'\n');
    line
}

/// Escapes what JSON lets stand in texts (RFC 8259 §7) and some terminals and editors act on: control characters beyond
/// ASCII, separators of lines, and marks that turn the direction of writing.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly every text is plain; what is acted on in ASCII is DEL alone.
        if fragment.is_ascii() && !fragment.as_bytes().contains(&0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((start, character)) = rest.char_indices().find(|(_, c)| is_acted_on(*c)) {
            let (before, after) = rest.split_at(start);
            write!(writer, "{before}\\u{:04x}", u32::from(character))?;
            rest = after.get(character.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Whether some terminals and editors act on the character, or end a line there, although JSON and UTF-8 let it stand.
pub fn is_acted_on(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Without what clients can make long: escaping may have multiplied it.
fn shortened(entry: &Entry) -> Entry {
    let mut event = entry.event.clone();
    if let Some(actor) = &mut event.actor {
        actor.subjects.truncate(1);
    }
    if let Some(request) = &mut event.request {
        request.user_agent = None;
        request.host = None;
        request.path = String::new();
    }
    event.info = Map::from_iter([("shortened".to_owned(), Value::Bool(true))]);
    Entry { event, ..*entry }
}

struct Line<'a> {
    entry: &'a Entry,
    stamp: &'a Stamp<'a>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (event, stamp) = (&self.entry.event, self.stamp);
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("v", &1)?;
        line.serialize_entry("ts", &time(event.at))?;
        line.serialize_entry("boot", stamp.boot)?;
        line.serialize_entry("seq", &stamp.sequence)?;
        line.serialize_entry("event", event.kind.as_str())?;
        line.serialize_entry("outcome", event.outcome.as_str())?;
        optional(
            &mut line,
            "reason",
            event.reason.map(|reason| reason.as_str()),
        )?;
        optional(&mut line, "actor", event.actor.as_ref().map(ActorMember))?;
        optional(&mut line, "src", event.source.as_ref().map(SourceMember))?;
        optional(&mut line, "req", event.request.as_ref().map(RequestMember))?;
        optional(
            &mut line,
            "res",
            event.response.as_ref().map(ResponseMember),
        )?;
        optional(
            &mut line,
            "perm",
            event.permission.as_ref().map(PermissionMember),
        )?;
        let configuration = ConfigurationMember {
            epoch: self.entry.epoch,
            digest: event.digest.as_deref(),
        };
        line.serialize_entry("cfg", &configuration)?;
        optional(&mut line, "agg", self.entry.aggregate.map(AggregateMember))?;
        optional(
            &mut line,
            "info",
            Some(&event.info).filter(|info| !info.is_empty()),
        )?;
        optional(&mut line, "prev", stamp.previous)?;
        line.end()
    }
}

fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn optional<M: SerializeMap, T: Serialize>(
    map: &mut M,
    name: &'static str,
    value: Option<T>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(name, &value),
        None => Ok(()),
    }
}

struct ActorMember<'a>(&'a Actor);

impl Serialize for ActorMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let actor = self.0;
        let mut member = serializer.serialize_map(None)?;
        optional(&mut member, "identity", actor.identity.as_deref())?;
        optional(&mut member, "id", actor.id.as_deref())?;
        optional(&mut member, "kid", actor.key_id.as_deref())?;
        member.serialize_entry("method", actor.method.as_str())?;
        if !actor.subjects.is_empty() {
            member.serialize_entry("subjects", &actor.subjects)?;
        }
        if let Some(token) = &actor.token {
            optional(&mut member, "iss", token.issuer.as_deref().map(claim))?;
            optional(&mut member, "sub", token.subject.as_deref().map(claim))?;
            optional(&mut member, "jti", token.id.as_deref().map(claim))?;
            optional(
                &mut member,
                "exp",
                token.expires_at.map(|at| at.as_second()),
            )?;
        }
        member.end()
    }
}

/// Claims are the issuer's text, and as long as it likes.
fn claim(text: &str) -> String {
    const CLAIM_BYTES_MAX: usize = 256;
    crate::client_text::bounded(text, CLAIM_BYTES_MAX).into_owned()
}

struct SourceMember<'a>(&'a Source);

impl Serialize for SourceMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let address = |address: Option<std::net::IpAddr>| {
            address.map_or_else(|| "unix".to_owned(), |address| address.to_string())
        };
        let mut member = serializer.serialize_struct("src", 3)?;
        member.serialize_field("ip", &address(self.0.address))?;
        member.serialize_field("peer", &address(self.0.peer))?;
        member.serialize_field("via", &self.0.hops)?;
        member.end()
    }
}

struct RequestMember<'a>(&'a Request);

impl Serialize for RequestMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.0;
        let text = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let mut member = serializer.serialize_map(None)?;
        member.serialize_entry("id", &*request.id)?;
        member.serialize_entry("method", &request.method)?;
        optional(&mut member, "route", text(request.route))?;
        member.serialize_entry("path", &request.path)?;
        optional(&mut member, "host", request.host.as_deref())?;
        optional(&mut member, "proto", text(request.protocol))?;
        optional(&mut member, "ua", request.user_agent.as_deref())?;
        optional(&mut member, "bytes", request.bytes)?;
        member.end()
    }
}

struct ResponseMember<'a>(&'a Response);

impl Serialize for ResponseMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut member = serializer.serialize_map(None)?;
        member.serialize_entry("status", &self.0.status)?;
        optional(&mut member, "bytes", self.0.bytes)?;
        member.serialize_entry("ms", &self.0.duration.as_millis())?;
        member.end()
    }
}

struct PermissionMember<'a>(&'a Permission);

impl Serialize for PermissionMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut member = serializer.serialize_struct("perm", 2)?;
        member.serialize_field("need", &self.0.need)?;
        let sets: Vec<&str> = self.0.sets.iter().map(|set| &**set).collect();
        member.serialize_field("sets", &sets)?;
        member.end()
    }
}

struct ConfigurationMember<'a> {
    epoch: u64,
    digest: Option<&'a str>,
}

impl Serialize for ConfigurationMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut member = serializer.serialize_map(None)?;
        member.serialize_entry("epoch", &self.epoch)?;
        optional(&mut member, "digest", self.digest)?;
        member.end()
    }
}

struct AggregateMember(Aggregate);

impl Serialize for AggregateMember {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut member = serializer.serialize_struct("agg", 3)?;
        member.serialize_field("count", &self.0.count)?;
        member.serialize_field("first", &time(self.0.first))?;
        member.serialize_field("last", &time(self.0.last))?;
        member.end()
    }
}

#[cfg(test)]
mod tests;
