//! Where a delivery came from, and what verified it.

use hookd_core::Proof;

/// The longest [peer](Origin::peer) that is kept, in bytes: each address that proxies name may be in it.
pub const MAX_PEER_BYTES: usize = 256;

/// Where the request of a delivery came from, and what verified it. Nothing in it is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address of the sender, as trusted proxies name it; `None` where there was no request.
    pub peer: Option<String>,
    /// The user whose password was given, if one was.
    pub user: Option<String>,
    /// What its dialect verified.
    pub proof: Proof,
}

/// What makes a delivery a replay: an earlier one, translated anew at the request of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The delivery that was received, whose request is translated; never a replay itself.
    pub of: i64,
    /// Who asks: of one name, each delivery is replayed once (unless that made no change), so that whoever does not know
    /// whether a replay has taken place may ask again.
    pub request: String,
}

/// The calls to a forge's API that a delivery needed, once they are over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiCalls {
    /// How many were made; those that succeeded before hookd was restarted do not count.
    pub made: u32,
    /// How many of them failed.
    pub failed: u32,
    /// The last failure, as far as it is known.
    pub last_error: Option<String>,
}

impl Origin {
    /// That of a delivery which came without a request.
    pub const NONE: Self = Self { peer: None, user: None, proof: Proof::NotRequired };

    /// That of a request from this address, of which at most [`MAX_PEER_BYTES`] are kept.
    #[must_use]
    pub fn new(peer: Option<String>, user: Option<String>, proof: Proof) -> Self {
        let peer = peer.map(|mut peer| {
            peer.truncate(peer.floor_char_boundary(MAX_PEER_BYTES));
            peer
        });
        Self { peer, user, proof }
    }
}
