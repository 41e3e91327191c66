//! Certificates: PEM files into a `rustls` server configuration, with errors that name the file and the fault.
