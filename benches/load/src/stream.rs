//! Requests of one kind: as many as are answered, or at a rate.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Poll, Token};
use serde_json::{Value, json};

use crate::connection::Connection;

/// One stream, as told on the command line.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    body: String,
    connections: usize,
    #[serde(default = "neighbours")]
    neighbours: NonZeroU16,
    /// Requests a second; without it the next request follows every answer.
    rate: Option<f64>,
    /// The address to come from.
    source: Option<IpAddr>,
}

/// Stands for a number that no two requests share, in 16 hexadecimal digits.
const NUMBER: &str = "{number}";
/// Stands for a number that goes round, in four hexadecimal digits: for callers or things of whom there are a few.
const NEIGHBOUR: &str = "{neighbour}";

fn get() -> String {
    "GET".to_owned()
}

fn neighbours() -> NonZeroU16 {
    const { NonZeroU16::new(64).unwrap() }
}

pub(crate) struct Stream {
    settings: Settings,
    request: String,
    is_numbered: bool,
    first_token: usize,
    connections: Vec<Connection>,
    number: u64,
    due: Instant,
    statuses: BTreeMap<u16, u64>,
    /// Microseconds.
    latency: Histogram<u64>,
}

impl Stream {
    pub(crate) fn open(
        settings: Settings,
        address: SocketAddr,
        (poll, first_token): (&Poll, usize),
    ) -> anyhow::Result<Self> {
        let connections = (0..settings.connections)
            .map(|number| {
                let place = (poll.registry(), Token(first_token + number));
                Connection::open(address, settings.source, place)
            })
            .collect::<Result<_, _>>()?;
        let request = request(&settings, address);
        Ok(Self {
            settings,
            is_numbered: request.contains(NUMBER) || request.contains(NEIGHBOUR),
            request,
            first_token,
            connections,
            number: 0,
            due: Instant::now(),
            statuses: BTreeMap::new(),
            latency: latencies()?,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn reset(&mut self) {
        self.statuses.clear();
        self.latency.reset();
    }

    pub(crate) fn send_what_is_due(&mut self, now: Instant) -> anyhow::Result<()> {
        let pause = self
            .settings
            .rate
            .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        while self.due <= now {
            let Some(free) = self
                .connections
                .iter_mut()
                .find(|connection| connection.asked.is_none())
            else {
                return Ok(());
            };
            // A rate counts from when a request was due, free running from when it is sent.
            let since = if pause.is_zero() { now } else { self.due };
            if self.is_numbered {
                self.number += 1;
                let unique = numbered(&self.request, (self.number, self.settings.neighbours));
                free.ask(unique.as_bytes(), since)?;
            } else {
                free.ask(self.request.as_bytes(), since)?;
            }
            self.due = if pause.is_zero() {
                now
            } else {
                self.due + pause
            };
        }
        Ok(())
    }

    pub(crate) fn receive(&mut self, token: Token) -> anyhow::Result<()> {
        let Some(connection) = token
            .0
            .checked_sub(self.first_token)
            .and_then(|number| self.connections.get_mut(number))
        else {
            return Ok(());
        };
        let Some(answer) = connection.receive()? else {
            return Ok(());
        };
        *self.statuses.entry(answer.status).or_default() += 1;
        if let Some(asked) = connection.asked.take() {
            let micros = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.latency.saturating_record(micros);
        }
        Ok(())
    }

    /// Answers a second, how many of each status, and latencies in microseconds.
    pub(crate) fn report(&self, took: Duration) -> Value {
        let answers: u64 = self.statuses.values().sum();
        let quantile = |quantile| self.latency.value_at_quantile(quantile);
        json!({
            "per_second": Duration::from_secs(answers).div_duration_f64(took).round(),
            "statuses": self.statuses,
            "p50_us": quantile(0.5),
            "p99_us": quantile(0.99),
            "max_us": self.latency.max(),
        })
    }
}

/// The request with its numbers to come.
fn request(settings: &Settings, address: SocketAddr) -> String {
    let Settings {
        method, path, body, ..
    } = settings;
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n");
    for header in &settings.headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    if !body.is_empty() {
        // Numbers have one width.
        let length = numbered(body, (0, NonZeroU16::MIN)).len();
        request.push_str(&format!("content-length: {length}\r\n"));
    }
    request + "\r\n" + body
}

fn numbered(text: &str, (number, neighbours): (u64, NonZeroU16)) -> String {
    text.replace(NUMBER, &format!("{number:016x}")).replace(
        NEIGHBOUR,
        &format!("{:04x}", number % u64::from(neighbours.get())),
    )
}

/// Up to a minute in microseconds: one that grows by itself would count what is beyond its first bounds as next to nothing.
fn latencies() -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    Histogram::new_with_bounds(1, 60_000_000, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_announced_with_its_length() {
        let settings = json!({"method": "PUT", "path": "/{neighbour}", "body": "\"{number}\"", "connections": 1, "neighbours": 10});
        let request = request(
            &serde_json::from_value(settings).unwrap(),
            ([127, 0, 0, 1], 80).into(),
        );
        assert_eq!(
            numbered(&request, (27, const { NonZeroU16::new(10).unwrap() })),
            "PUT /0007 HTTP/1.1\r\nhost: 127.0.0.1:80\r\ncontent-length: 18\r\n\r\n\"000000000000001b\""
        );
    }

    #[test]
    fn long_waits_are_counted_as_such() {
        let mut latency = latencies().unwrap();
        for micros in [35, 2_100, 1_000_000, 3_600_000_000] {
            latency.saturating_record(micros);
        }
        assert_eq!(latency.value_at_quantile(0.25), 35);
        assert!(latency.value_at_quantile(0.5) >= 2_100);
        assert!(latency.max() >= 60_000_000);
    }
}
