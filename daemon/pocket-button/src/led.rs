//! The light beside the button, as the kernel has it in a folder.

use std::fs;
use std::io;
use std::path::PathBuf;

use tracing::debug;

/// How the light shines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Light {
    /// It blinks fast: one more press, and everything is gone.
    Blink,
    /// As it was before.
    Own,
    /// All the time.
    Steady,
}

/// A light, or none.
pub(crate) struct Led {
    folder: Option<PathBuf>,
    /// What the kernel lets it show otherwise.
    own: String,
}

impl Led {
    /// The light in this folder of `/sys/class/leds`.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        let triggers = folder
            .as_ref()
            .and_then(|folder| fs::read_to_string(folder.join("trigger")).ok());
        let own = triggers.as_deref().and_then(current).unwrap_or("none").to_owned();
        Self { folder, own }
    }

    /// Shines. A device without a light, or that does not let us, works all the same.
    pub(crate) fn shine(&self, light: Light) {
        if let Err(error) = self.set(light) {
            debug!(%error, "the light can't be set");
        }
    }

    fn set(&self, light: Light) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let write = |name: &str, value: &str| fs::write(folder.join(name), value);
        match light {
            Light::Own => write("trigger", &self.own),
            Light::Steady => {
                write("trigger", "none")?;
                let most = fs::read_to_string(folder.join("max_brightness"));
                write("brightness", most.as_deref().unwrap_or("1").trim())
            }
            Light::Blink => {
                write("trigger", "timer")?;
                // The kernel makes them with the trigger.
                write("delay_on", "100")?;
                write("delay_off", "100")
            }
        }
    }
}

/// The word in brackets.
fn current(triggers: &str) -> Option<&str> {
    triggers
        .split_whitespace()
        .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_left_as_it_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("trigger", "none timer [mmc0] heartbeat\n");
        write("max_brightness", "255\n");
        let led = Led::new(Some(folder.path().to_path_buf()));
        led.shine(Light::Steady);
        assert_eq!(
            (read("trigger"), read("brightness")),
            ("none".into(), "255".into())
        );
        led.shine(Light::Blink);
        assert_eq!(
            (read("trigger"), read("delay_on")),
            ("timer".into(), "100".into())
        );
        led.shine(Light::Own);
        assert_eq!(read("trigger"), "mmc0");
    }

    #[test]
    fn without_one_nothing_fails() {
        Led::new(None).shine(Light::Blink);
        Led::new(Some("/no/such/light".into())).shine(Light::Steady);
    }
}
