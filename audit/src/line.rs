//! One event as one line of JSON: member names and their order are the contract of `docs/audit.md`.

use std::io;
use std::net::IpAddr;

use jiff::Timestamp;
use json_writer::{ObjectWriter, WriteJson};
use serde::Serialize;
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
    let mut members = ObjectWriter::begin(&mut line);
    write_members(&mut members, entry, stamp);
    members.end();
    line.push(b'\n');
    line
}

/// Text of which nothing is acted on by whatever shows it.
struct Harmless<T>(T);

impl<T: AsRef<str>> WriteJson for Harmless<T> {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        let text = self.0.as_ref();
        // Nearly every text is plain; what is acted on in ASCII is DEL alone.
        if text.is_ascii() && !text.as_bytes().contains(&0x7f) {
            text.write_json(buffer);
        } else {
            Escaped(text).write_json(buffer);
        }
    }
}

/// The same of whatever holds texts.
struct Escaped<T>(T);

impl<T: Serialize> WriteJson for Escaped<T> {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        let mut serializer = serde_json::Serializer::with_formatter(buffer, Escaping);
        let written = self.0.serialize(&mut serializer);
        written.expect("texts and numbers are written to memory");
    }
}

/// Escapes what JSON lets stand in texts (RFC 8259 §7) and some terminals and editors act on: control characters beyond
/// ASCII, separators of lines, and marks that turn the direction of writing.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
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

fn write_members(line: &mut ObjectWriter<'_>, entry: &Entry, stamp: &Stamp<'_>) {
    let event = &entry.event;
    line.member("v", &1_u8);
    line.member("ts", &time(event.at));
    line.member("boot", stamp.boot);
    line.member("seq", &stamp.sequence);
    line.member("event", event.kind.as_str());
    line.member("outcome", event.outcome.as_str());
    line.optional("reason", event.reason.map(|reason| reason.as_str()));
    if let Some(actor) = &event.actor {
        line.object("actor", |member| write_actor(member, actor));
    }
    if let Some(source) = &event.source {
        line.object("src", |member| write_source(member, source));
    }
    if let Some(request) = &event.request {
        line.object("req", |member| write_request(member, request));
    }
    if let Some(response) = &event.response {
        line.object("res", |member| write_response(member, response));
    }
    if let Some(permission) = &event.permission {
        line.object("perm", |member| write_permission(member, permission));
    }
    line.object("cfg", |member| {
        member.member("epoch", &entry.epoch);
        text(member, "digest", event.digest.as_deref());
    });
    if let Some(aggregate) = &entry.aggregate {
        line.object("agg", |member| write_aggregate(member, aggregate));
    }
    if !event.info.is_empty() {
        line.member("info", &Escaped(&event.info));
    }
    line.optional("prev", stamp.previous);
}

fn write_actor(member: &mut ObjectWriter<'_>, actor: &Actor) {
    text(member, "identity", actor.identity.as_deref());
    text(member, "id", actor.id.as_deref());
    text(member, "kid", actor.key_id.as_deref());
    member.member("method", actor.method.as_str());
    if !actor.subjects.is_empty() {
        member.member("subjects", &texts(&actor.subjects));
    }
    if let Some(token) = &actor.token {
        claim(member, "iss", token.issuer.as_deref());
        claim(member, "sub", token.subject.as_deref());
        claim(member, "jti", token.id.as_deref());
        let expires_at = token.expires_at.map(Timestamp::as_second);
        member.optional("exp", expires_at.as_ref());
    }
}

/// Claims are the issuer's text, and as long as it likes.
fn claim(member: &mut ObjectWriter<'_>, name: &'static str, claim: Option<&str>) {
    const CLAIM_BYTES_MAX: usize = 256;
    let claim = claim.map(|claim| crate::client_text::bounded(claim, CLAIM_BYTES_MAX));
    text(member, name, claim.as_deref());
}

fn write_source(member: &mut ObjectWriter<'_>, source: &Source) {
    let address = |address: Option<IpAddr>| {
        address.map_or_else(|| "unix".to_owned(), |address| address.to_string())
    };
    member.member("ip", &address(source.address));
    member.member("peer", &address(source.peer));
    member.member("via", &source.hops);
}

fn write_request(member: &mut ObjectWriter<'_>, request: &Request) {
    let known = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    member.member("id", &Harmless(&request.id));
    member.member("method", &Harmless(&request.method));
    member.optional("route", known(request.route));
    member.member("path", &Harmless(&request.path));
    text(member, "host", request.host.as_deref());
    member.optional("proto", known(request.protocol));
    text(member, "ua", request.user_agent.as_deref());
    member.optional("bytes", request.bytes.as_ref());
}

fn write_response(member: &mut ObjectWriter<'_>, response: &Response) {
    member.member("status", &response.status);
    member.optional("bytes", response.bytes.as_ref());
    member.member("ms", &response.duration.as_millis());
}

fn write_permission(member: &mut ObjectWriter<'_>, permission: &Permission) {
    member.member("need", &Harmless(&permission.need));
    member.member("sets", &texts(&permission.sets));
}

fn write_aggregate(member: &mut ObjectWriter<'_>, aggregate: &Aggregate) {
    member.member("count", &aggregate.count);
    member.member("first", &time(aggregate.first));
    member.member("last", &time(aggregate.last));
}

fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn text(member: &mut ObjectWriter<'_>, name: &'static str, text: Option<&str>) {
    member.optional(name, text.map(Harmless).as_ref());
}

fn texts<T: AsRef<str>>(texts: &[T]) -> Vec<Harmless<&str>> {
    texts.iter().map(|text| Harmless(text.as_ref())).collect()
}

#[cfg(test)]
mod tests;
