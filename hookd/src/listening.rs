//! Opening the sockets of the listeners, and why that failed, in the words of an operator.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use hookd_http::bind;

/// Why hookd cannot listen on an address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(cause, *address))]
pub(crate) struct ListenError {
    /// The address.
    pub(crate) address: SocketAddr,
    /// What the system says. The message has it, so that it is no source of it.
    cause: io::Error,
}

impl ListenError {
    /// Whether something else listens there.
    pub(crate) fn is_in_use(&self) -> bool {
        self.cause.kind() == ErrorKind::AddrInUse
    }
}

/// Opens a socket that listens on an address.
///
/// # Errors
/// Why that is not possible.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    bind(address).map_err(|cause| ListenError { address, cause })
}

fn reason(error: &io::Error, address: SocketAddr) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "another process listens there; `ss -ltnp` shows which".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        ErrorKind::PermissionDenied if address.port() < 1024 => {
            "ports below 1024 are for root, or need `AmbientCapabilities=CAP_NET_BIND_SERVICE` of systemd".to_owned()
        }
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_an_address_cannot_be_listened_on() {
        let taken = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let error = listen(taken.local_addr().unwrap()).unwrap_err();
        assert!(
            error.is_in_use() && error.to_string().ends_with("another process listens there; `ss -ltnp` shows which")
        );
        // A network for documentation.
        let error = listen("192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "cannot listen on 192.0.2.1:0: this machine has no such address");
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        let error = ListenError { address: "127.0.0.1:443".parse().unwrap(), cause: denied };
        assert!(error.to_string().contains("ports below 1024") && !error.is_in_use(), "{error}");
    }
}
