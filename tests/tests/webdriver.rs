//! A browser, driven by the WebDriver protocol (W3C) over plain HTTP.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::device::{Device, PASSPHRASE};

/// The key under which the protocol gives an element's name.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// A page that has not come by then hangs.
const HANGS: Duration = Duration::from_secs(60);

/// Chromium under chromedriver, with a screen of its own size and a new profile.
pub(crate) struct Browser {
    driver: Child,
    agent: Agent,
    session: String,
    scripts: Scripts,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn open(width: u32, height: u32) -> Self {
        Self::open_with(width, height, Scripts::On)
    }

    /// The same, with scripts of pages allowed or not.
    pub(crate) fn open_with(width: u32, height: u32, scripts: Scripts) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed: apt-get install chromium chromium-driver");
        let port = port(&mut driver);
        let profile = tempfile::tempdir().unwrap();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(HANGS));
        let mut browser = Self {
            driver,
            agent: config.build().into(),
            session: format!("http://127.0.0.1:{port}/session"),
            scripts,
            _profile: profile,
        };
        let folder = browser._profile.path().display().to_string();
        let opened = browser.post("", &capabilities(width, height, &folder, scripts));
        browser.session = format!("{}/{}", browser.session, opened["sessionId"].as_str().unwrap());
        browser
    }

    /// Signs the owner in.
    pub(crate) fn log_in(&self, device: &Device) {
        self.go(&format!("{}/unlock", device.ui));
        self.fill("[name=passphrase]", PASSPHRASE);
        self.press("main button[type=submit]");
        assert_eq!(self.path(), "/");
    }

    pub(crate) fn go(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// The path of the page that is shown.
    pub(crate) fn path(&self) -> String {
        let url = self.get("/url");
        let after = url.as_str().unwrap().splitn(4, '/').nth(3).unwrap_or_default();
        format!("/{after}")
    }

    /// Types into the field that `selector` finds.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Presses what `selector` finds, and waits until the page has given way to the next.
    pub(crate) fn press(&self, selector: &str) {
        self.run("window.__before = true");
        self.click(selector);
        self.until("another page", || {
            self.run("return window.__before !== true && document.readyState === 'complete'") == json!(true)
        });
    }

    /// What `selector` shows.
    pub(crate) fn text(&self, selector: &str) -> String {
        let element = self.find(selector);
        self.get(&format!("/element/{element}/text"))
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Presses what `selector` finds, whatever comes of it.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.find(selector);
        if self.scripts == Scripts::Off {
            // The protocol's own scripts are off too: what has the focus is pressed by key.
            self.post(&format!("/element/{element}/value"), &json!({"text": "\u{e007}"}));
            return;
        }
        // Away from the bars that stay in place: the protocol takes what lies under one for in view.
        let argument = json!({ELEMENT: element.as_str()});
        let script = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})";
        self.post("/execute/sync", &json!({"script": script, "args": [argument]}));
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types keys wherever the focus is, as a person would. Special keys are those of WebDriver.
    pub(crate) fn keys(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            let key = key.to_string();
            [
                json!({"type": "keyDown", "value": key}),
                json!({"type": "keyUp", "value": key}),
            ]
        });
        let actions = json!([{"type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>()}]);
        self.post("/actions", &json!({"actions": actions}));
    }

    /// Gives a file to the field, or a choice to the list, that `selector` finds.
    pub(crate) fn choose(&self, selector: &str, file: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/value"), &json!({"text": file}));
    }

    /// Sets a cookie for the page that is shown.
    pub(crate) fn cookie(&self, name: &str, value: &str) {
        self.post(
            "/cookie",
            &json!({"cookie": {"name": name, "value": value, "path": "/"}}),
        );
    }

    /// A picture of the whole page, as PNG in base64.
    pub(crate) fn picture(&self) -> String {
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let command = json!({"cmd": "Page.captureScreenshot", "params": parameters});
        let answer = self.post("/goog/cdp/execute", &command);
        answer["data"].as_str().unwrap().to_owned()
    }

    /// What the network layer said since it was asked last, as Chromium's protocol has it.
    pub(crate) fn network(&self) -> Vec<Value> {
        let log = self.post("/se/log", &json!({"type": "performance"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .map(|entry| serde_json::from_str::<Value>(entry["message"].as_str().unwrap()).unwrap())
            .map(|message| message["message"].clone())
            .collect()
    }

    /// Waits until a script in the page gives `true`.
    pub(crate) fn wait_for(&self, script: &str) {
        self.until(script, || self.run(script) == json!(true));
    }

    /// Runs a script that calls its last argument when it is done.
    pub(crate) fn run_slowly(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Runs a script in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What the browser complained of since it was asked last.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["message"].to_string()).collect()
    }

    fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT]
            .as_str()
            .unwrap_or_else(|| panic!("no {selector} on {}", self.path()))
            .to_owned()
    }

    /// Waits until the page of this path is shown.
    pub(crate) fn until_path(&self, path: &str) {
        self.until(path, || self.path() == path);
    }

    /// Whether what `selector` finds can be seen.
    pub(crate) fn shows(&self, selector: &str) -> bool {
        let found = self.post("/elements", &json!({"using": "css selector", "value": selector}));
        let found = found.as_array().cloned().unwrap_or_default();
        found.iter().any(|element| {
            let element = element[ELEMENT].as_str().unwrap();
            self.get(&format!("/element/{element}/displayed")) == json!(true)
        })
    }

    /// Waits until it holds.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < HANGS, "{what} never came; on {}", self.path());
        }
    }

    fn get(&self, path: &str) -> Value {
        let mut answer = self.agent.get(format!("{}{path}", self.session)).call().unwrap();
        value(path, &answer.body_mut().read_json().unwrap())
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let mut answer = self
            .agent
            .post(format!("{}{path}", self.session))
            .send_json(body)
            .unwrap();
        value(path, &answer.body_mut().read_json().unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closes Chromium with it; without an answer, the driver is killed anyway.
        self.agent
            .delete(&self.session)
            .call()
            .map(drop)
            .unwrap_or_default();
        self.driver.kill().unwrap_or_default();
        self.driver.wait().map(drop).unwrap_or_default();
    }
}

/// The port that the driver says it took. What it says later is read and dropped, so that it never
/// waits for a reader.
fn port(driver: &mut Child) -> u16 {
    let console = driver.stdout.take().expect("it was piped");
    let mut lines = BufReader::new(console).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("chromedriver says its port")
}

/// Whether pages may run scripts.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Scripts {
    Off,
    On,
}

fn capabilities(width: u32, height: u32, profile: &str, scripts: Scripts) -> Value {
    let arguments = [
        "--headless".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--no-proxy-server".to_owned(),
        format!("--user-data-dir={profile}"),
        format!("--window-size={width},{height}"),
    ];
    let metrics = json!({"width": width, "height": height, "pixelRatio": 1.0, "mobile": width < 600});
    json!({"capabilities": {"alwaysMatch": {
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "WARNING", "performance": "ALL"},
        "goog:chromeOptions": {
            "args": arguments,
            "mobileEmulation": {"deviceMetrics": metrics},
            "prefs": {"profile.managed_default_content_settings.javascript": if scripts == Scripts::On { 1 } else { 2 }},
        },
    }}})
}

/// The answer's value, unless it is an error.
fn value(path: &str, answer: &Value) -> Value {
    let value = answer["value"].clone();
    if let Some(error) = value.get("error").filter(|error| error.is_string()) {
        // A page that goes away while it is looked at is no error of the test: the caller asks again.
        let gone = error == "stale element reference"
            || value["message"]
                .as_str()
                .is_some_and(|message| message.contains("does not belong to the document"));
        if path == "/execute/sync" || (gone && (path.ends_with("/text") || path.ends_with("/displayed"))) {
            return Value::Null;
        }
        panic!("{path}: {error}: {}", value["message"]);
    }
    value
}
