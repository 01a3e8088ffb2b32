//! What is said to the broker, and where: topics, the device's state, and how Home Assistant finds it.

use pocket_core::{DeviceState, LinkTerms, Profile};
use serde_json::{Value, json};

/// The payload that says that the device is there.
pub(super) const ONLINE: &str = "online";
/// What the broker says when it is not.
pub(super) const OFFLINE: &str = "offline";
/// The payload of the button.
pub(super) const LOCK: &[u8] = b"LOCK";

/// The topics of one device.
pub(super) struct Topics {
    /// How it is called at the broker.
    pub(super) client: String,
    /// Whether it is there.
    pub(super) availability: String,
    /// How it is.
    pub(super) state: String,
    /// The button that locks it.
    pub(super) lock: String,
    /// Where texts for it are left.
    pub(super) capture: String,
    /// Where Home Assistant reads what it is.
    pub(super) discovery: String,
}

impl Topics {
    pub(super) fn of(terms: &LinkTerms) -> Self {
        let device = &terms.device;
        Self {
            client: format!("pocketai-{device}"),
            availability: format!("pocketai/{device}/availability"),
            state: format!("pocketai/{device}/state"),
            lock: format!("pocketai/{device}/lock"),
            capture: format!("pocketai/{device}/capture"),
            discovery: format!("{}/device/pocketai-{device}/config", terms.prefix),
        }
    }

    /// What Home Assistant is told of the device, as its documents on device discovery say.
    pub(super) fn description(&self) -> Value {
        let version = env!("CARGO_PKG_VERSION");
        json!({
            "device": {
                "identifiers": [self.client],
                "name": "PocketAI",
                "manufacturer": "PocketAI",
                "model": "PocketAI",
                "sw_version": version,
            },
            "origin": { "name": "PocketAI", "sw_version": version },
            "components": {
                "connection": self.component("connection", json!({
                    "platform": "binary_sensor",
                    "name": "Connection",
                    "device_class": "connectivity",
                    "entity_category": "diagnostic",
                    "state_topic": self.availability,
                    "payload_on": ONLINE,
                    "payload_off": OFFLINE,
                })),
                "health": self.sensor("health", json!({
                    "platform": "binary_sensor",
                    "name": "Health",
                    "device_class": "problem",
                    "entity_category": "diagnostic",
                    "value_template": "{{ 'OFF' if value_json.health == 'good' else 'ON' }}",
                })),
                "storage": self.sensor("storage", json!({
                    "platform": "sensor",
                    "name": "Storage used",
                    "icon": "mdi:harddisk",
                    "entity_category": "diagnostic",
                    "state_class": "measurement",
                    "unit_of_measurement": "%",
                    "value_template": "{{ value_json.storage }}",
                })),
                "profile": self.sensor("profile", json!({
                    "platform": "sensor",
                    "name": "Profile",
                    "device_class": "enum",
                    "options": Profile::ALL.map(Profile::name),
                    "value_template": "{{ value_json.profile }}",
                })),
                "waiting": self.sensor("waiting", json!({
                    "platform": "sensor",
                    "name": "Waiting questions",
                    "icon": "mdi:account-question",
                    "state_class": "measurement",
                    "value_template": "{{ value_json.waiting }}",
                })),
                "lock": self.available("lock", json!({
                    "platform": "button",
                    "name": "Lock",
                    "icon": "mdi:lock",
                    "command_topic": self.lock,
                    "payload_press": "LOCK",
                    "qos": 0,
                    "retain": false,
                })),
            },
        })
    }

    /// One that reads the device's state.
    fn sensor(&self, name: &str, about: Value) -> Value {
        let mut sensor = self.available(name, about);
        sensor["state_topic"] = json!(self.state);
        sensor
    }

    /// One that is there only while the device is.
    fn available(&self, name: &str, about: Value) -> Value {
        let mut component = self.component(name, about);
        component["availability_topic"] = json!(self.availability);
        component
    }

    fn component(&self, name: &str, mut about: Value) -> Value {
        about["unique_id"] = json!(format!("{}-{name}", self.client));
        about
    }
}

/// How the device is, as its sensors read it: numbers and names of a closed list.
pub(super) fn state(state: DeviceState) -> Value {
    json!({
        "health": if state.healthy { "good" } else { "attention" },
        "storage": state.storage,
        "profile": state.profile.name(),
        "waiting": state.waiting,
    })
}
