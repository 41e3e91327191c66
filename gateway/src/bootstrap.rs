//! First start: one API key and one operator password, made once, shown once, stored as hashes only.
