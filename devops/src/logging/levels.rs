//! Which logger has which level, and what that means for a target.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::logger_name::OWN_CRATES;
use super::{LogControlError, LogLevel, LoggerLevel, LoggerName};

/// Writes an error for each malformed request, which anybody can send, and does not say who did. Such answers are counted in
/// the metrics; the lines are there at `debug`, or for who gives this logger a level.
const MALFORMED: &str = "actix_http::h1::dispatcher";

/// The levels of all loggers: the root's, and those that others have of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevels {
    root: LogLevel,
    own: BTreeMap<LoggerName, LogLevel>,
    temporary: BTreeMap<LoggerName, Temporary>,
}

/// A level that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Temporary {
    until: Timestamp,
    /// What returns then; `None` for a logger that had no level of its own.
    before: Option<LogLevel>,
}

impl LogLevels {
    /// Most loggers with a level of their own.
    pub const LOGGERS_MAX: usize = 256;

    /// Every logger follows the root.
    pub const fn new(root: LogLevel) -> Self {
        Self {
            root,
            own: BTreeMap::new(),
            temporary: BTreeMap::new(),
        }
    }

    /// Gives a logger a level for good.
    ///
    /// # Errors
    ///
    /// [`LogControlError::TooManyLoggers`] beyond [`Self::LOGGERS_MAX`].
    pub fn set(&mut self, logger: LoggerName, level: LogLevel) -> Result<(), LogControlError> {
        self.temporary.remove(&logger);
        self.put(logger, level)
    }

    /// Gives a logger a level until the level of before returns.
    ///
    /// # Errors
    ///
    /// As [`LogLevels::set`].
    pub fn set_until(
        &mut self,
        logger: LoggerName,
        level: LogLevel,
        until: Timestamp,
    ) -> Result<(), LogControlError> {
        let before = match self.temporary.get(&logger) {
            Some(temporary) => temporary.before,
            None if logger.is_root() => Some(self.root),
            None => self.own.get(&logger).copied(),
        };
        self.put(logger.clone(), level)?;
        self.temporary.insert(logger, Temporary { until, before });
        Ok(())
    }

    /// Takes back what ends at or before `now`; tells whether there was anything.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let ended: Vec<(LoggerName, Temporary)> = self
            .temporary
            .iter()
            .filter(|(_, temporary)| temporary.until <= now)
            .map(|(logger, temporary)| (logger.clone(), *temporary))
            .collect();
        for (logger, temporary) in &ended {
            self.temporary.remove(logger);
            match temporary.before {
                Some(level) if logger.is_root() => self.root = level,
                Some(level) => drop(self.own.insert(logger.clone(), level)),
                None => drop(self.own.remove(logger)),
            }
        }
        !ended.is_empty()
    }

    fn put(&mut self, logger: LoggerName, level: LogLevel) -> Result<(), LogControlError> {
        if logger.is_root() {
            self.root = level;
            return Ok(());
        }
        if self.own.len() >= Self::LOGGERS_MAX && !self.own.contains_key(&logger) {
            return Err(LogControlError::TooManyLoggers);
        }
        self.own.insert(logger, level);
        Ok(())
    }

    /// The filter that these levels are; the longest name that fits a target decides.
    pub fn targets(&self) -> Targets {
        // Names are sorted, so that our common logger comes before the crates that it stands above.
        let targets = self.own.iter().flat_map(|(logger, level)| {
            let targets = logger.targets().into_iter();
            targets.map(|target| (target, level.filter()))
        });
        let mut by_target: BTreeMap<_, _> = targets.collect();
        let is_wanted = by_target
            .keys()
            .any(|target| MALFORMED.starts_with(&**target));
        if !is_wanted && self.root.filter() < LevelFilter::DEBUG {
            by_target.insert(MALFORMED.into(), LevelFilter::OFF);
        }
        Targets::new()
            .with_targets(by_target)
            .with_default(self.root.filter())
    }

    /// Every logger with its level: the root, those with a level of their own, and our crates.
    pub fn list(&self) -> Vec<LoggerLevel> {
        let mut loggers: BTreeMap<LoggerName, Option<LogLevel>> = OWN_CRATES
            .iter()
            .map(|name| (LoggerName::of_own_crate(name), None))
            .collect();
        // Operators look for our common logger, so it shows a level even while it only follows the root.
        loggers.insert(LoggerName::own(), Some(self.root));
        loggers.extend(
            self.own
                .iter()
                .map(|(logger, level)| (logger.clone(), Some(*level))),
        );
        let root = (LoggerName::root(), Some(self.root));
        std::iter::once(root)
            .chain(loggers)
            .map(|(logger, level)| LoggerLevel {
                until: self.temporary.get(&logger).map(|temporary| temporary.until),
                logger,
                level,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    fn levels(changes: &[(&str, LogLevel)]) -> LogLevels {
        let mut levels = LogLevels::new(LogLevel::Info);
        for (logger, level) in changes {
            levels.set(logger.parse().unwrap(), *level).unwrap();
        }
        levels
    }

    #[track_caller]
    fn check(changes: &[(&str, LogLevel)], target: &str, most_verbose: Level) {
        let targets = levels(changes).targets();
        for level in [
            Level::ERROR,
            Level::WARN,
            Level::INFO,
            Level::DEBUG,
            Level::TRACE,
        ] {
            assert_eq!(
                targets.would_enable(target, &level),
                level <= most_verbose,
                "{target} at {level} after {changes:?}"
            );
        }
    }

    #[test]
    fn the_root_decides_where_nothing_else_does() {
        check(&[], "actix_web", Level::INFO);
        check(&[("ROOT", LogLevel::Trace)], "actix_web", Level::TRACE);
        check(&[("ROOT", LogLevel::All)], "gateway", Level::TRACE);
        check(&[("ROOT", LogLevel::Error)], "actix_web", Level::ERROR);
    }

    #[test]
    fn malformed_requests_do_not_fill_the_log() {
        let is_told = |changes: &[(&str, LogLevel)]| {
            levels(changes)
                .targets()
                .would_enable(MALFORMED, &Level::ERROR)
        };
        assert!(!is_told(&[]));
        assert!(!is_told(&[("org.eclipse.ditto", LogLevel::Debug)]));
        assert!(is_told(&[("ROOT", LogLevel::Debug)]));
        assert!(is_told(&[("actix_http", LogLevel::Warn)]));
        check(&[], "actix_http::h1", Level::INFO);
    }

    #[test]
    fn our_common_logger_decides_for_our_crates() {
        let changes = [
            ("ROOT", LogLevel::Error),
            ("org.eclipse.ditto", LogLevel::Debug),
        ];
        check(&changes, "gateway::routes", Level::DEBUG);
        check(&changes, "actix_web", Level::ERROR);
    }

    #[test]
    fn the_more_specific_logger_wins_in_either_order() {
        let one = ("org.eclipse.ditto", LogLevel::Debug);
        let other = ("gateway", LogLevel::Error);
        check(&[one, other], "gateway::routes", Level::ERROR);
        check(&[other, one], "gateway::routes", Level::ERROR);
        check(&[other, one], "policies", Level::DEBUG);
    }

    #[test]
    fn crates_without_a_level_are_listed_without() {
        let list = levels(&[("gateway", LogLevel::Debug)]).list();
        let level_of = |name: &str| {
            let found = list.iter().find(|logger| logger.logger.as_str() == name);
            found.unwrap().level
        };
        assert!(list.first().unwrap().logger.is_root());
        assert_eq!(level_of("org.eclipse.ditto"), Some(LogLevel::Info));
        assert_eq!(level_of("org.eclipse.ditto.gateway"), Some(LogLevel::Debug));
        assert_eq!(level_of("org.eclipse.ditto.things"), None);
    }

    #[test]
    fn the_number_of_loggers_is_bounded() {
        let mut levels = LogLevels::new(LogLevel::Info);
        let names = (0..1000).map(|number| format!("x{number}").parse().unwrap());
        let refused =
            names.filter(|name: &LoggerName| levels.set(name.clone(), LogLevel::Info).is_err());
        assert_eq!(refused.count(), 1000 - LogLevels::LOGGERS_MAX);
        assert_eq!(levels.set(LoggerName::root(), LogLevel::Off), Ok(()));
        assert_eq!(levels.set("x0".parse().unwrap(), LogLevel::Off), Ok(()));
    }

    #[test]
    fn a_temporary_level_gives_way_to_the_one_before() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let logger: LoggerName = "gateway".parse().unwrap();
        let mut levels = levels(&[("gateway", LogLevel::Warn)]);
        let before = levels.clone();
        levels
            .set_until(logger.clone(), LogLevel::Trace, at(10))
            .unwrap();
        levels
            .set_until(logger.clone(), LogLevel::Debug, at(20))
            .unwrap();
        levels
            .set_until(LoggerName::root(), LogLevel::Off, at(10))
            .unwrap();
        assert!(!levels.expire(at(9)));
        assert!(levels.expire(at(10)));
        assert_ne!(levels, before);
        assert!(levels.expire(at(20)));
        assert_eq!(levels, before);
    }

    #[test]
    fn a_level_for_good_replaces_a_temporary_one() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let logger: LoggerName = "fjall".parse().unwrap();
        let mut levels = levels(&[]);
        levels
            .set_until(logger.clone(), LogLevel::Trace, at(10))
            .unwrap();
        levels.set(logger, LogLevel::Error).unwrap();
        assert!(!levels.expire(at(10)));
        assert!(!levels.targets().would_enable("fjall", &Level::WARN));
    }
}
