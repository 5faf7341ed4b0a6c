//! `buildbot`: a server that has hook and REST API as a master does; the tests of the whole have a real one.

use hookd_sinks::Sink;
use hookd_sinks::contract::{Behaviour, Peer};
use serde_json::{Value, json};

use super::{Shared, Turn};
use crate::peer::{self, Reply, Request, answer};
use crate::sinks::try_build_in;

struct Master {
    server: peer::Peer,
    state: Shared,
}

/// The id of the change in a form.
fn hookd_id(request: &Request) -> String {
    let (_, properties) =
        url::form_urlencoded::parse(&request.body).find(|(name, _)| name == "properties").expect("it has properties");
    let properties: Value = serde_json::from_str(&properties).unwrap();
    properties["hookd_id"].as_str().unwrap().to_owned()
}

/// A page of the changes that it has, the youngest first.
fn page(request: &Request, arrived: &[String]) -> Reply {
    let target = request.line.split(' ').nth(1).unwrap();
    let query = url::form_urlencoded::parse(target.split_once('?').unwrap().1.as_bytes());
    let number = |wanted: &str| query.into_iter().find(|(name, _)| name == wanted).map(|(_, value)| value.parse());
    let offset: usize = number("offset").unwrap().unwrap();
    let changes = arrived.iter().enumerate().rev().skip(offset).take(200).map(|(index, hookd_id)| {
        let changeid = index + 1;
        json!({"changeid": changeid, "properties": {"hookd_id": [hookd_id, "Change"]}, "sourcestamp": {"ssid": changeid}})
    });
    answer("200 OK", &json!({"changes": changes.collect::<Vec<_>>()}).to_string())
}

impl Master {
    fn start() -> Self {
        let state = Shared::new();
        let shared = state.clone();
        let server = peer::Peer::start(move |request| {
            if request.line.starts_with("GET /api/v2/changes?") {
                return page(request, &shared.arrived());
            }
            assert!(request.line.starts_with("POST /change_hook/base "), "{}", request.line);
            match shared.turn(&hookd_id(request)) {
                Turn::Taken => answer("200 OK", "1 change found"),
                Turn::TakenSilently => Reply::Close,
                Turn::NotNow => answer("503 Service Unavailable", "shutting down"),
                Turn::Refused => answer("400 Bad Request", "could not convert string to float: 'x'"),
                Turn::Unauthorized => answer("401 Unauthorized", "Unauthorized"),
            }
        });
        Self { server, state }
    }
}

impl Peer for Master {
    fn sink(&self) -> Box<dyn Sink> {
        let options = json!({"url": self.server.url("/change_hook/base"), "proxy": false});
        try_build_in("/".as_ref(), "buildbot", options).unwrap()
    }

    fn behave(&self, behaviour: &Behaviour) -> bool {
        self.state.behave(behaviour)
    }

    fn arrived(&self) -> Vec<String> {
        self.state.arrived()
    }
}

hookd_sinks::contract_tests!(Master::start());
