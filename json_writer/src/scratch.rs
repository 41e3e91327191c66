//! Memory that is written to again and again: what is serialised grows there, and is kept in as much as it needs.

use std::cell::Cell;

use bytes::Bytes;

use crate::WriteJson;

/// A thread keeps at most so much of it.
const KEPT_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lets `write` fill an empty buffer, and `read` look at what is in it then.
pub fn in_scratch<R>(write: impl FnOnce(&mut Vec<u8>), read: impl FnOnce(&[u8]) -> R) -> R {
    // Taken out, so that whoever writes may serialise something else on the way.
    let mut buffer = SCRATCH.take();
    buffer.clear();
    write(&mut buffer);
    let result = read(&buffer);
    if buffer.capacity() <= KEPT_BYTES_MAX {
        SCRATCH.set(buffer);
    }
    result
}

/// The compact JSON of `value`, in memory of exactly its size.
pub fn compact_json(value: &(impl WriteJson + ?Sized)) -> Bytes {
    in_scratch(|buffer| value.write_json(buffer), Bytes::copy_from_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_written_before_is_gone() {
        assert_eq!(compact_json(&json!({"long": "er"})), r#"{"long":"er"}"#);
        assert_eq!(compact_json(&json!(1)), "1");
    }

    #[test]
    fn whoever_writes_may_serialise_something_else() {
        let both = in_scratch(
            |buffer| {
                let inner = compact_json(&json!("inner"));
                buffer.extend_from_slice(&inner);
                json!(2).write_json(buffer);
            },
            <[u8]>::to_vec,
        );
        assert_eq!(both, b"\"inner\"2");
    }

    #[test]
    fn large_documents_are_not_kept() {
        let large = json!("x".repeat(2 * KEPT_BYTES_MAX));
        assert_eq!(compact_json(&large).len(), 2 * KEPT_BYTES_MAX + 2);
        in_scratch(
            |buffer| assert!(buffer.capacity() <= KEPT_BYTES_MAX),
            |_| {},
        );
    }
}
