//! People.

use hookd_core::{Refusal, View, person};

/// `displayName <emailAddress>` of a user at `path`, or of the author of a commit, who may be no user: then
/// `name <emailAddress>`. A user without an address has a user name.
pub(crate) fn user(place: &View<'_>, path: &str) -> Result<Option<String>, Refusal> {
    if !place.is_truthy(path) {
        return Ok(None);
    }
    let user = place.at(path)?;
    let (display, name) = (user.maybe_nonempty("displayName")?, user.maybe_nonempty("name")?);
    let address = user.maybe_nonempty("emailAddress")?;
    Ok(match display {
        Some(display) => person(Some(display), address.or(name)),
        None => person(name, address),
    })
}
