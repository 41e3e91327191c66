//! Compact JSON, written straight into bytes: the same bytes as `serde_json`'s.
//!
//! Values of twins are mostly long texts without an escape, which `serde_json` takes a byte at a time, several instructions each;
//! here they are looked at and copied in blocks.

mod object;
pub mod scratch;
mod write_json;

pub use object::ObjectWriter;
pub use write_json::WriteJson;
