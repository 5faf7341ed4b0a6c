//! A real browser, Chromium without a window, driven through WebDriver.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::{self, Request};

/// A browser with one page. It ends when it is dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Browser {
    /// One with a screen of this size, in CSS pixels.
    ///
    /// # Panics
    /// When Chromium or its driver is not there, or does not start.
    pub fn with_screen(width: u32, height: u32) -> Self {
        let mut command = Command::new("chromedriver");
        let mut driver = command
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("`chromedriver`: {error}; `cargo xtask test` gets it"));
        let mut lines = BufReader::new(driver.stdout.take().expect("it is piped")).lines();
        let started = lines.by_ref().map_while(Result::ok).find(|line| line.contains("started successfully on port"));
        let port =
            started.as_deref().and_then(|line| line.rsplit(' ').next()?.trim_end_matches('.').parse::<u16>().ok());
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("it says its port")));
        let options = json!({
            "binary": "/usr/bin/chromium",
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            "mobileEmulation": { "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1, "mobile": true } },
        });
        let capabilities = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let mut browser = Self { driver, address, session: String::new() };
        let session = browser.call("POST", "/session", &capabilities);
        browser.session = format!("/session/{}", session["sessionId"].as_str().expect("a session has an id"));
        browser
    }

    /// Shows a page, and waits until it is there.
    pub fn show(&self, url: &str) {
        self.of_session("/url", &json!({ "url": url }));
    }

    /// What a script returns that runs in the page; the page's own policy does not apply to it.
    pub fn run(&self, script: &str) -> Value {
        self.of_session("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Prefers dark pages, or light ones.
    pub fn prefer_dark(&self, is_dark: bool) {
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let call = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.of_session("/goog/cdp/execute", &call);
    }

    /// What it shows, as a PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let picture = self.call("GET", &format!("{}/screenshot", self.session), &Value::Null);
        STANDARD.decode(picture.as_str().expect("it is a text")).expect("it is base64")
    }

    fn of_session(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut request = Request::new(method, path);
        if !body.is_null() {
            request = request.json(body.to_string());
        }
        let answer = http::send(self.address, &request).expect("the driver answers");
        let mut json: Value = serde_json::from_slice(&answer.body).expect("the driver answers JSON");
        assert_eq!(answer.status, 200, "{method} {path}: {json:#}");
        json["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium as well.
        let _ = http::send(self.address, &Request::new("DELETE", self.session.clone()));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
