//! One kept-alive connection with at most one request under way.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};

use crate::answer::Answer;

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// When the request under way was sent, or should have been: a late client must not flatter a slow server.
    pub(crate) asked: Option<Instant>,
}

impl Connection {
    pub(crate) fn open(
        address: SocketAddr,
        source: Option<IpAddr>,
        (registry, token): (&Registry, Token),
    ) -> anyhow::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if let Some(source) = source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        socket.connect(&address.into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(socket.into());
        registry.register(&mut stream, token, Interest::READABLE)?;
        Ok(Self {
            stream,
            received: Vec::new(),
            asked: None,
        })
    }

    pub(crate) fn ask(&mut self, request: &[u8], since: Instant) -> anyhow::Result<()> {
        self.asked = Some(since);
        Ok(self.stream.write_all(request)?)
    }

    /// Reads what is there; an answer once all of it is.
    pub(crate) fn receive(&mut self) -> anyhow::Result<Option<Answer>> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => anyhow::bail!("the server closed a connection"),
                Ok(length) => {
                    self.received
                        .extend(buffer.get(..length).into_iter().flatten());
                    // The server answers one request at a time, so that a complete answer is all there is to read.
                    if let Some(answer) = Answer::read(&self.received)? {
                        self.received.clear();
                        return Ok(Some(answer));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
