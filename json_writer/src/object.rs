//! An object, member by member, so that what is JSON already needs no parsing.

use crate::WriteJson;
use crate::write_json::is_plain;

/// An object being written; members stay in the order they are added.
pub struct ObjectWriter<'b> {
    buffer: &'b mut Vec<u8>,
    is_empty: bool,
}

impl<'b> ObjectWriter<'b> {
    /// Begins an object, which [`ObjectWriter::end`] must end.
    pub fn begin(buffer: &'b mut Vec<u8>) -> Self {
        buffer.push(b'{');
        Self {
            buffer,
            is_empty: true,
        }
    }

    /// Adds a member whose name needs no escape.
    pub fn member(&mut self, name: &'static str, value: &(impl WriteJson + ?Sized)) {
        self.name(name);
        value.write_json(self.buffer);
    }

    /// Adds a member with any name.
    pub fn entry(&mut self, name: &str, value: &(impl WriteJson + ?Sized)) {
        self.separate();
        name.write_json(self.buffer);
        self.buffer.push(b':');
        value.write_json(self.buffer);
    }

    /// Adds a member if there is a value for it.
    pub fn optional(&mut self, name: &'static str, value: Option<&(impl WriteJson + ?Sized)>) {
        if let Some(value) = value {
            self.member(name, value);
        }
    }

    /// Adds a member whose value is JSON already.
    pub fn raw(&mut self, name: &'static str, json: &[u8]) {
        self.name(name);
        self.buffer.extend_from_slice(json);
    }

    /// Adds a member that is an object, which `write` fills.
    pub fn object(&mut self, name: &'static str, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.name(name);
        let mut object = ObjectWriter::begin(self.buffer);
        write(&mut object);
        object.end();
    }

    /// Ends the object.
    pub fn end(self) {
        self.buffer.push(b'}');
    }

    fn name(&mut self, name: &'static str) {
        debug_assert!(is_plain(name.as_bytes()), "{name}");
        self.separate();
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.buffer.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_in_the_order_they_came() {
        let mut written = Vec::new();
        let mut object = ObjectWriter::begin(&mut written);
        object.member("b", &1_u64);
        object.optional("absent", None::<&str>);
        object.object("a", |inner| inner.raw("raw", b"[ ]"));
        object.entry("a\"", "b\"");
        object.optional("c", Some("text"));
        object.end();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            r#"{"b":1,"a":{"raw":[ ]},"a\"":"b\"","c":"text"}"#
        );
    }
}
