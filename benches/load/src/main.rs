//! Asks one URL over kept-alive connections as fast as a server answers, and prints the answers per second.
//!
//! `load ADDRESS PATH SECONDS CONNECTIONS [HEADER]...`
//!
//! Unlike wrk it never sleeps. A server that is slower than its client otherwise wakes the client's core with every
//! answer, which in a virtual machine is an exit to the hypervisor of more than a microsecond on the server's account; a
//! server that keeps the client busy never pays it. Ratios would compare that instead of the servers.

#![expect(clippy::print_stdout, reason = "a measuring tool prints its figure")]

mod answer;

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use answer::Answer;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, seconds, connections, headers @ ..] = arguments.as_slice() else {
        anyhow::bail!("load ADDRESS PATH SECONDS CONNECTIONS [HEADER]...");
    };
    let address = address
        .parse()
        .context("ADDRESS is an IP address and port")?;
    let request = request(address, path, headers);
    let mut load = Load::connect(address, connections.parse()?, request)?;
    let duration = Duration::from_secs_f64(seconds.parse()?);
    // What a first second does to caches and allocators is nobody's throughput.
    load.run(duration.min(Duration::from_millis(300)))?;
    let (answers, took) = load.run(duration)?;
    println!("{:.0}", f64::from(answers) / took.as_secs_f64());
    Ok(())
}

fn request(address: SocketAddr, path: &str, headers: &[String]) -> Vec<u8> {
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

struct Load {
    poll: Poll,
    request: Vec<u8>,
    connections: Vec<Connection>,
    status: Option<u16>,
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Load {
    fn connect(address: SocketAddr, count: usize, request: Vec<u8>) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(count);
        for number in 0..count {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(number), Interest::READABLE)?;
            stream.write_all(&request)?;
            connections.push(Connection {
                stream,
                received: Vec::new(),
            });
        }
        Ok(Self {
            poll,
            request,
            connections,
            status: None,
        })
    }

    /// Counts answers for at least `duration`; every answer is followed by the next request.
    fn run(&mut self, duration: Duration) -> anyhow::Result<(u32, Duration)> {
        let started = Instant::now();
        let mut events = Events::with_capacity(self.connections.len().max(1));
        let mut answers = 0;
        while started.elapsed() < duration {
            self.poll.poll(&mut events, Some(Duration::ZERO))?;
            for event in &events {
                let connection = self
                    .connections
                    .get_mut(event.token().0)
                    .context("an event of no connection")?;
                let Some(answer) = connection.read()? else {
                    continue;
                };
                let expected = *self.status.get_or_insert(answer.status);
                ensure!(
                    answer.status == expected,
                    "status {} after {expected}",
                    answer.status
                );
                answers += 1;
                connection.stream.write_all(&self.request)?;
            }
        }
        Ok((answers, started.elapsed()))
    }
}

impl Connection {
    /// Reads what is there; an answer once all of it is.
    fn read(&mut self) -> anyhow::Result<Option<Answer>> {
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
