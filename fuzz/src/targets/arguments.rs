//! Arguments of queries, forms and multipart bodies.

use std::str;

use fastrand::Rng;
use hookd_core::HookRequest;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use super::dialect_seeds as seeds;
use crate::{Bound, Message, Meter, Scope, Target, mutation};

/// Laws: reading takes memory within bounds; the first value is the first of all; arguments that are sent once more, all
/// of them encoded, are the same.
pub(super) struct Arguments;

impl Target for Arguments {
    fn name(&self) -> &'static str {
        "arguments"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let odd = [
            ("application/x-www-form-urlencoded; charset=utf-8", "a=1;a=2&b=x+y%20z&bad=%zz&none&blank=&=&&=x"),
            (
                "multipart/form-data; boundary=\"B\"; charset=x",
                "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\nContent-Type: text/plain\r\n\r\n\
                 1\r\n--B\r\ncontent-disposition:form-data;name=b\r\n\r\n\r\n--B--\r\ntrailing",
            ),
        ];
        let odd = odd.map(|(kind, body)| Message::post(&[("Content-Type", kind)], body).with_query("a=0&c=3"));
        odd.iter().chain(&seeds::base()).chain(&seeds::bitbucket()).map(Message::to_file).collect()
    }

    fn mutate(&self, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
        let (mut message, other) = (Message::parse(input), Message::parse(other));
        if rng.bool() {
            let tokens = ["&", ";", "=", "%", "+", "a=1&", "--B\r\n", "--B--", "\r\n\r\n", "name=\"a\"", "form-data; "];
            message.body = mutation::bytes::mutate(rng, &message.body, &other.body, &tokens);
        } else {
            mutation::message::mutate(rng, &mut message, &other);
        }
        message.to_file()
    }

    fn check(&self, input: &[u8], _: Scope, meter: &mut Meter) {
        let message = Message::parse(input);
        let request = message.request();
        if let Err(refusal) = meter.measure(Bound::SENT, message.bytes(), || request.arguments().map(|_| ())) {
            super::assert_line(refusal.message());
            return;
        }
        let arguments = request.arguments().expect("they were read before");
        let names: Vec<&str> = arguments.names().filter_map(|name| str::from_utf8(name).ok()).take(100).collect();
        let mut query = String::new();
        for name in &names {
            if let (Ok(first), Ok(all)) = (arguments.first(name), arguments.all(name)) {
                assert_eq!(first, all.first().copied(), "`{name}`");
                assert!(first.is_some(), "`{name}` was named, but is not there");
            }
        }
        // In the order in which they came, with the values of each name in theirs.
        let mut given: Vec<(&str, usize)> = Vec::new();
        for name in &names {
            let before = given.iter().filter(|(other, _)| other == name).count();
            given.push((name, before));
            if let Ok(all) = arguments.all(name)
                && let Some(value) = all.get(before)
            {
                let encoded = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
                query.push_str(&format!("{}={}&", encoded(name), encoded(value)));
            }
        }
        let again = HookRequest::post("/").with_query(query);
        let again = again.arguments().expect("encoded arguments are arguments");
        for name in &names {
            if let (Ok(first), Ok(same)) = (arguments.all(name), again.all(name)) {
                let same_count = names.iter().filter(|other| *other == name).count().min(first.len());
                assert_eq!(&first[..same_count], &same[..], "`{name}`");
            }
        }
    }
}
