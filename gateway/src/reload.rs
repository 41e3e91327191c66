//! What can change while the gateway runs: the gateway in force, and how it is replaced.

mod in_force;

pub(crate) use in_force::InForce;
