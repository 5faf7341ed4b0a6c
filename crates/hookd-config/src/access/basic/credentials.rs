//! A user and a password, compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

/// A user and a password, or in a file of hashes the hash of one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl Credentials {
    /// The credentials in an `Authorization` header. The password is everything behind the first colon.
    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        let header = std::str::from_utf8(header).ok()?;
        let (scheme, encoded) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }

    /// Whether both are equal, in a time that does not depend on where they differ.
    pub(super) fn equals(&self, given: &Self) -> bool {
        let user = self.user.as_bytes().ct_eq(given.user.as_bytes());
        (user & self.password.as_bytes().ct_eq(given.password.as_bytes())).into()
    }
}
