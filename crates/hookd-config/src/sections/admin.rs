//! `[admin]`: the private listener.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change_hook_auth::Auth;
use super::names;
use super::restart::changed;
use super::server::Server;
use super::tls::Tls;
use crate::reading::reader::{Reader, steps};
use crate::values::address;
use crate::values::host::Host;

/// The private listener: pages, API, metrics and health. Keep it private, or protect it with a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Admin {
    /// Where to listen, as `IP:PORT`. Port 0 lets the system choose one.
    #[serde(with = "address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,

    /// HTTP Basic authentication, as the option of the same name for the hooks. `/healthz` and `/readyz` need no password.
    #[serde(skip_serializing)]
    pub change_hook_auth: Option<Auth>,

    /// The names by which browsers and scripts may address this listener, besides its own address (and `localhost`, if it
    /// listens on a loopback address): `NAME` for any port, or `NAME:PORT`. Needed behind a reverse proxy that passes on
    /// `Host`, and for names in DNS. A request with another `Host` is answered with 421, so that no page of another site
    /// can read from here through a name of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,

    /// The certificate for TLS. Without it the listener speaks plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8011)),
            change_hook_auth: None,
            hosts: Vec::new(),
            tls: None,
        }
    }
}

impl Admin {
    /// The options that differ in `new` and take effect after a restart only.
    pub(crate) fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let Self { listen, change_hook_auth: _, hosts: _, tls } = self;
        changed([("admin.listen", *listen != new.listen), ("admin.tls", *tls != new.tls)])
    }
}

/// Checks the two listeners together: addresses that collide, and a private listener that is open to other machines.
pub(crate) fn check(reader: &mut Reader<'_>, admin: &Admin, server: &Server) {
    let document = reader.document();
    let admin_path = steps(&[names::ADMIN, "listen"]);
    if address::collide(admin.listen, server.listen) {
        let is_written = |section| document.has(&steps(&[section, "listen"]));
        let (here, path, there, other) = if is_written(names::ADMIN) {
            (names::ADMIN, admin_path, names::SERVER, server.listen)
        } else {
            (names::SERVER, steps(&[names::SERVER, "listen"]), names::ADMIN, admin.listen)
        };
        let message =
            format!("section `{here}`: `listen`: the address is taken by section `{there}`, which listens on {other}");
        reader.problem(document.at_value(&path, message));
    } else if !admin.listen.ip().is_loopback() && admin.change_hook_auth.is_none() {
        let message = "section `admin`: other machines may reach this listener, which needs no password: make sure \
            that only trusted ones can";
        reader.warning(document.at_value(&admin_path, message));
    }
}
