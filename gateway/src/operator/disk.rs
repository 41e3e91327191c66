//! How much room is left where the store lies.

use std::path::Path;

use devops::Health;
use devops::health::{DetailLevel, HealthStatus};
use serde_json::json;

/// Below this, operators are warned: the store needs room to rewrite its files.
const FREE_BYTES_MIN: u64 = 512 * 1024 * 1024;

/// Below this share of the file system, too.
const FREE_SHARE_MIN: f64 = 0.05;

/// What the file system says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Room {
    pub(super) free: u64,
    pub(super) total: u64,
}

impl Room {
    /// `None` if the system does not say.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let found = rustix::fs::statvfs(path).ok()?;
        Some(Self {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            total: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }

    fn is_scarce(self) -> bool {
        self.free < FREE_BYTES_MIN || (self.free as f64) < self.total as f64 * FREE_SHARE_MIN
    }
}

/// A full disk is a warning: ending the process, which who is down invites, would make no room.
pub(super) fn health(room: Option<Room>) -> Health {
    let health = match room {
        None => Health::of(HealthStatus::Unknown),
        Some(room) => {
            let level = if room.is_scarce() {
                DetailLevel::Warn
            } else {
                DetailLevel::Info
            };
            let detail = json!({ "free-bytes": room.free, "total-bytes": room.total });
            Health::of(HealthStatus::Up).with_detail(level, detail)
        }
    };
    health.labelled("disk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(free: u64, total: u64, expected: &str) {
        let health = health(Some(Room { free, total })).to_json();
        assert_eq!(health["status"], "UP");
        assert!(health["details"][0].get(expected).is_some(), "{health}");
    }

    #[test]
    fn little_room_is_a_warning() {
        const GIB: u64 = 1 << 30;
        check(100 * GIB, 200 * GIB, "INFO");
        check(GIB / 4, GIB, "WARN");
        check(5 * GIB, 200 * GIB, "WARN");
    }

    #[test]
    fn the_system_says_how_much_there_is() {
        let room = Room::at(Path::new("/")).unwrap();
        assert!(room.total > 0 && room.free <= room.total, "{room:?}");
        assert_eq!(Room::at(Path::new("/no/such/folder")), None);
    }
}
