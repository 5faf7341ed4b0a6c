//! `[admin]`: the private listener.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reader::{Reader, steps};
use super::{Auth, Server, Tls, address, server};

/// The name of the section.
pub(super) const NAME: &str = "admin";

/// The private listener: page, API, metrics and health. Keep it private, or have it ask for a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Admin {
    /// Where to listen, as `IP:PORT`. Port 0 lets the system choose one.
    #[serde(with = "address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,

    /// Who may call, as the option of the same name for the hooks; `/healthz` and `/readyz` ask for no password.
    #[serde(skip_serializing)]
    pub change_hook_auth: Option<Auth>,

    /// The certificate, for TLS; without it the listener speaks plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8011)), change_hook_auth: None, tls: None }
    }
}

/// What can be wrong with the two listeners together.
pub(super) fn check(reader: &mut Reader<'_>, admin: &Admin, server: &Server) {
    let document = reader.document();
    let admin_path = steps(&[NAME, "listen"]);
    if address::collide(admin.listen, server.listen) {
        let is_written = |section| {
            let table = document.value(section).and_then(|value| value.as_table());
            table.is_some_and(|table| table.contains_key("listen"))
        };
        let (here, path, there, other) = if is_written(NAME) {
            (NAME, admin_path, server::NAME, server.listen)
        } else {
            (server::NAME, steps(&[server::NAME, "listen"]), NAME, admin.listen)
        };
        let message =
            format!("section `{here}`: `listen`: the address is taken by section `{there}`, which listens on {other}");
        reader.problem(document.at_value(&path, message));
    } else if !admin.listen.ip().is_loopback() && admin.change_hook_auth.is_none() {
        let message = "section `admin`: other machines may reach this listener, which asks for no password: see that \
            only trusted ones do";
        reader.warning(document.at_value(&admin_path, message));
    }
}
