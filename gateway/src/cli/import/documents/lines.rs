//! The bytes of an import: which line they are in, and where a document ends that cannot be accepted.

use std::io::{self, BufRead, Read};

/// Counts the lines that went through, and knows whether a document is open.
pub(super) struct Lines<'r> {
    input: &'r mut dyn BufRead,
    pub(super) ended: usize,
    pub(super) shape: Shape,
}

/// The mark that some editors put before UTF-8 (RFC 8259 §8.1: a reader may ignore it).
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

impl<'r> Lines<'r> {
    pub(super) fn new(input: &'r mut dyn BufRead) -> Self {
        Self {
            input,
            ended: 0,
            shape: Shape::default(),
        }
    }

    /// Reads on to the next document; returns its line.
    pub(super) fn skip_space(&mut self) -> io::Result<Option<usize>> {
        loop {
            let buffer = self.input.fill_buf()?;
            let Some(&byte) = buffer.first() else {
                return Ok(None);
            };
            if Some(&byte) == BYTE_ORDER_MARK.first() {
                self.skip_mark()?;
            } else if byte.is_ascii_whitespace() {
                self.ended += usize::from(byte == b'\n');
                self.input.consume(1);
            } else {
                return Ok(Some(self.ended + 1));
            }
        }
    }

    fn skip_mark(&mut self) -> io::Result<()> {
        let mut bytes = [0; 3];
        self.input.read_exact(&mut bytes)?;
        if bytes == BYTE_ORDER_MARK {
            return Ok(());
        }
        Err(io::Error::other("it is neither JSON nor UTF-8"))
    }

    /// Reads on to the end of a document that was begun; whether it has one.
    pub(super) fn close(&mut self) -> io::Result<bool> {
        let has_begun = self.shape != Shape::default();
        let mut byte = [0];
        while !self.shape.is_closed() && !self.shape.is_broken {
            if self.read(&mut byte)? == 0 {
                return Ok(false);
            }
        }
        Ok(has_begun && !self.shape.is_broken)
    }
}

impl Read for Lines<'_> {
    /// A byte at a time, and none behind the end of a document: a parser that is at odds with it may ask for more.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.shape.has_ended() {
            return Ok(0);
        }
        let count = self.input.read(bytes.get_mut(..1).unwrap_or_default())?;
        for byte in bytes.iter().take(count) {
            self.ended += usize::from(*byte == b'\n');
            self.shape.note(*byte);
        }
        Ok(count)
    }
}

/// Which brackets and quotes of a document are open: enough to find its end even if it is not acceptable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    has_parts: bool,
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    is_broken: bool,
}

impl Shape {
    pub(super) const fn is_closed(&self) -> bool {
        self.depth == 0 && !self.is_text && !self.is_broken
    }

    const fn has_ended(&self) -> bool {
        self.has_parts && self.is_closed()
    }

    fn note(&mut self, byte: u8) {
        if self.is_text {
            // RFC 8259 §7: a line that ends within a text has lost its end.
            self.is_broken |= byte == b'\n';
            self.is_text = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
            return;
        }
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth == 0 => self.is_broken = true,
            b'}' | b']' => self.depth -= 1,
            b'"' => self.is_text = true,
            _ => return,
        }
        self.has_parts = true;
    }
}
