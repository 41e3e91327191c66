//! The command line: what the binary is asked to do, and the exit code it answers with.
