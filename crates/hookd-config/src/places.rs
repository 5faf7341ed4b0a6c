//! Where options stand whose values are well-formed, and may turn out wrong where hookd runs: an address that is taken, a
//! store that cannot be opened, a certificate that has expired.

use std::sync::Arc;

use hookd_core::PathStep;
use hookd_sinks::SinkSettings;

use crate::Sinks;
use crate::reading::document::Document;
use crate::reading::reader::steps;
use crate::reading::report::Finding;
use crate::sections::names;

/// The places of such options.
#[derive(Clone, Debug)]
pub struct Places {
    /// `listen` of `[server]`.
    pub server_listen: Place,
    /// `tls` of `[server]`.
    pub server_tls: Place,
    /// `listen` of `[admin]`.
    pub admin_listen: Place,
    /// `tls` of `[admin]`.
    pub admin_tls: Place,
    /// `url` of `[store]`.
    pub store_url: Place,
    /// Each `[[sinks]]`, in the order of the configuration.
    pub sinks: Vec<Place>,
}

/// Where an option stands, or its section, or the file where it has its default.
#[derive(Clone, Debug)]
pub struct Place {
    found: Finding,
    option: String,
}

impl Places {
    pub(crate) fn new(document: &Document<'_>, sinks: &Sinks) -> Self {
        let place = |section: &str, option: &str| Place {
            found: match document.value(section) {
                Some(_) => document.at_value(&steps(&[section, option]), ""),
                None => Finding::in_file(document.name(), ""),
            },
            option: format!("section `{section}`: `{option}`"),
        };
        let sink = |(index, sink): (usize, &Arc<SinkSettings>)| Place {
            found: document.at_value(&[PathStep::Key(names::SINKS.to_owned()), PathStep::Index(index)], ""),
            option: format!("sink `{}`", sink.name),
        };
        Self {
            sinks: sinks.iter().enumerate().map(sink).collect(),
            server_listen: place(names::SERVER, "listen"),
            server_tls: place(names::SERVER, names::TLS),
            admin_listen: place(names::ADMIN, "listen"),
            admin_tls: place(names::ADMIN, names::TLS),
            store_url: place(names::STORE, "url"),
        }
    }
}

impl Place {
    /// A finding about the option. The message must not contain a secret.
    #[must_use]
    pub fn finding(&self, message: &str) -> Finding {
        let message = Finding::in_file("", format!("{}: {message}", self.option)).message;
        Finding { message, ..self.found.clone() }
    }
}
