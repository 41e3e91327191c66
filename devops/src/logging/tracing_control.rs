//! Log levels of a running `tracing` subscriber.

use jiff::Timestamp;
use parking_lot::Mutex;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::reload;

use super::{LogControl, LogControlError, LogLevel, LogLevels, LoggerLevel, LoggerName};

/// Changes the levels of the subscriber whose filter `handle` reloads.
#[derive(Debug)]
pub struct TracingLogControl<S> {
    handle: reload::Handle<Targets, S>,
    levels: Mutex<LogLevels>,
}

impl<S> TracingLogControl<S> {
    /// Controls the filter that was made of `levels` by [`LogLevels::targets`].
    pub const fn new(levels: LogLevels, handle: reload::Handle<Targets, S>) -> Self {
        Self {
            handle,
            levels: Mutex::new(levels),
        }
    }
}

impl<S> TracingLogControl<S> {
    /// Puts changed levels in force, and only then remembers them.
    fn apply(&self, current: &mut LogLevels, changed: LogLevels) -> Result<(), LogControlError> {
        self.handle
            .reload(changed.targets())
            .map_err(|error| LogControlError::NotApplied {
                reason: error.to_string(),
            })?;
        *current = changed;
        Ok(())
    }
}

impl<S> LogControl for TracingLogControl<S> {
    fn levels(&self) -> Vec<LoggerLevel> {
        self.levels.lock().list()
    }

    fn set_level(
        &self,
        logger: &LoggerName,
        level: LogLevel,
        until: Option<Timestamp>,
    ) -> Result<(), LogControlError> {
        let mut levels = self.levels.lock();
        let mut changed = levels.clone();
        match until {
            None => changed.set(logger.clone(), level)?,
            Some(until) => changed.set_until(logger.clone(), level, until)?,
        }
        self.apply(&mut levels, changed)
    }

    fn expire(&self, now: Timestamp) -> Result<(), LogControlError> {
        let mut levels = self.levels.lock();
        let mut changed = levels.clone();
        if changed.expire(now) {
            self.apply(&mut levels, changed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_change_is_in_force_at_once() {
        let levels = LogLevels::new(LogLevel::Info);
        let (filter, handle) = reload::Layer::new(levels.targets());
        let control = TracingLogControl::new(levels, handle);
        let subscriber = Registry::default().with(filter);
        tracing::subscriber::with_default(subscriber, || {
            let is_enabled = || tracing::enabled!(target: "gateway::routes", tracing::Level::DEBUG);
            assert!(!is_enabled());
            control
                .set_level(
                    &"org.eclipse.ditto.gateway".parse().unwrap(),
                    LogLevel::Debug,
                    None,
                )
                .unwrap();
            assert!(is_enabled());
            control
                .set_level(&"gateway".parse().unwrap(), LogLevel::Off, None)
                .unwrap();
            assert!(!is_enabled());
        });
    }

    #[test]
    fn without_its_subscriber_a_change_is_an_error_and_is_forgotten() {
        let levels = LogLevels::new(LogLevel::Info);
        let (filter, handle) = reload::Layer::<_, Registry>::new(levels.targets());
        drop(filter);
        let control = TracingLogControl::new(levels.clone(), handle);
        let result = control.set_level(&LoggerName::root(), LogLevel::Trace, None);
        assert!(matches!(result, Err(LogControlError::NotApplied { .. })));
        assert_eq!(control.levels(), levels.list());
    }
}
