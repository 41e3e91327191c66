//! The recipes of `deploy/`: every file is read by the tool that operators will use it with.

mod compose;
mod kubernetes;
mod leaked_key;
mod nginx_alone;
mod service_unit;
mod static_binary;
