//! The text formats of metrics, and which of them a client asks for.
//!
//! Prometheus's own (0.0.4) is what every scraper reads, and a person. OpenMetrics is for those that ask for it.

use std::fmt::Write as _;

use actix_web::http::header::{Accept, Header as _};
use actix_web::{HttpMessage, mime};

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus's text format, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Exposition {
    /// The one that a request asks for by `Accept`: OpenMetrics where it is preferred to plain text, by name.
    pub(crate) fn for_request(request: &impl HttpMessage) -> Self {
        let Ok(accept) = Accept::parse(request) else { return Self::Text };
        let quality = |essence: &str| {
            let matching = accept.iter().filter(|wanted| wanted.item.essence_str() == essence);
            matching.map(|wanted| wanted.quality).max()
        };
        let plain = quality(mime::TEXT_PLAIN.essence_str());
        match quality("application/openmetrics-text") {
            Some(wanted)
                if wanted > actix_web::http::header::Quality::ZERO && plain.is_none_or(|plain| wanted >= plain) =>
            {
                Self::OpenMetrics
            }
            _ => Self::Text,
        }
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// A text of OpenMetrics in this format.
    pub(crate) fn of(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Text => plain(&open_metrics),
        }
    }
}

/// The same metrics in Prometheus's text format. There, the name of a counter is that of its samples, with `_total`; units
/// are a part of names and nothing else; and the text ends where it ends.
fn plain(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        let words = |start: &str| line.strip_prefix(start).and_then(|rest| rest.split_once(' '));
        if let Some(name_and_help) = words("# HELP ") {
            help = Some(name_and_help);
        } else if let Some((name, kind)) = words("# TYPE ") {
            let ending = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take() {
                let _ = writeln!(text, "# HELP {name}{ending} {help}");
            }
            let _ = writeln!(text, "# TYPE {name}{ending} {kind}");
        } else if !line.starts_with("# ") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn open_metrics_are_for_those_that_ask_for_them() {
        for (accept, format) in [
            (None, Exposition::Text),
            (Some("*/*"), Exposition::Text),
            (Some("text/plain"), Exposition::Text),
            (Some("text/html, */*;q=0.8"), Exposition::Text),
            (Some("application/openmetrics-text"), Exposition::OpenMetrics),
            (Some("application/openmetrics-text; version=1.0.0"), Exposition::OpenMetrics),
            (Some("application/openmetrics-text;q=0"), Exposition::Text),
            (Some("application/openmetrics-text;q=0.2,text/plain;q=0.5"), Exposition::Text),
            // As Prometheus 2 and 3 ask.
            (
                Some(
                    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                     text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                ),
                Exposition::OpenMetrics,
            ),
            (
                Some(
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                     text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                ),
                Exposition::OpenMetrics,
            ),
            (Some("nonsense"), Exposition::Text),
        ] {
            let request =
                accept.map_or_else(TestRequest::get, |accept| TestRequest::get().insert_header((ACCEPT, accept)));
            assert_eq!(Exposition::for_request(&request.to_srv_request()), format, "{accept:?}");
        }
    }

    #[test]
    fn counters_have_the_name_of_their_samples() {
        let open_metrics = "# HELP a_b Some help.\n# TYPE a_b counter\na_b_total{x=\"# y\"} 1\n\
            # HELP c_seconds More.\n# TYPE c_seconds histogram\n# UNIT c_seconds seconds\nc_seconds_sum 0.5\n# EOF\n";
        assert_eq!(
            Exposition::Text.of(open_metrics.to_owned()),
            "# HELP a_b_total Some help.\n# TYPE a_b_total counter\na_b_total{x=\"# y\"} 1\n\
             # HELP c_seconds More.\n# TYPE c_seconds histogram\nc_seconds_sum 0.5\n"
        );
        assert_eq!(Exposition::OpenMetrics.of(open_metrics.to_owned()), open_metrics);
    }
}
