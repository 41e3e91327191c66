//! Writes JSON objects straight into bytes, so that payloads that are bytes already need no parsing.

use serde::Serialize;

/// An object being written; members stay in the order they are added.
pub(crate) struct ObjectWriter<'b> {
    buffer: &'b mut Vec<u8>,
    is_empty: bool,
}

impl<'b> ObjectWriter<'b> {
    pub(crate) fn begin(buffer: &'b mut Vec<u8>) -> Self {
        buffer.push(b'{');
        Self {
            buffer,
            is_empty: true,
        }
    }

    /// Adds a member that is text, a number, a JSON value or a collection of those.
    pub(crate) fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.name(name);
        write_json(self.buffer, value);
    }

    pub(crate) fn optional<T: Serialize + ?Sized>(&mut self, name: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.member(name, value);
        }
    }

    /// Adds a member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &[u8]) {
        self.name(name);
        self.buffer.extend_from_slice(json);
    }

    /// Adds a member that is an object, which `write` fills.
    pub(crate) fn object(&mut self, name: &str, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.name(name);
        let mut object = ObjectWriter::begin(self.buffer);
        write(&mut object);
        object.end();
    }

    pub(crate) fn end(self) {
        self.buffer.push(b'}');
    }

    fn name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.buffer.push(b',');
        }
        write_json(self.buffer, name);
        self.buffer.push(b':');
    }
}

fn write_json<T: Serialize + ?Sized>(buffer: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(buffer, value)
        .expect("memory does not fail, and only text keys and plain values are written");
}
