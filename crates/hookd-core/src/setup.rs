//! How a webhook is set up at the forge: its form, filled in. The manual and `hookd dialects NAME` show the same text.

use serde::Serialize;

/// The form of a forge in which a webhook is set up, filled in. A dialect gets one by
/// [`Dialect::with_setup`](crate::Dialect::with_setup).
///
/// Texts are Markdown of one paragraph. In those of fields, `{url}` stands for the address of the dialect, and
/// `{url_with_password}` for the same with a user and a password: see [`Setup::fields`](Setup::fields()).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Setup {
    /// Where the form is, as a sentence.
    pub place: &'static str,
    /// Its fields as the forge calls them, in the forge's order, each with what to enter.
    pub fields: &'static [(&'static str, &'static str)],
    /// What else is to be known there, a paragraph each.
    pub notes: &'static [&'static str],
}

impl Setup {
    /// What a field of an address says that takes `?project=` and `?codebase=`.
    pub const URL: &'static str = "`{url}`. Append `?project=NAME` or `?codebase=NAME` to set those.";

    /// What a field of a secret says.
    pub const SECRET: &'static str = "the `secret` of the dialect. `openssl rand -hex 32` makes a good one.";

    /// The fields, with the address of the dialect that is served as `dialect`, on a machine called `HOST`.
    pub fn fields(&self, dialect: &str) -> Vec<(&'static str, String)> {
        let path = format!("HOST/change_hook/{dialect}");
        let filled = |text: &str| {
            let text = text.replace("{url_with_password}", &format!("https://USER:PASSWORD@{path}"));
            text.replace("{url}", &format!("https://{path}"))
        };
        self.fields.iter().map(|(name, text)| (*name, filled(text))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_the_address_of_the_dialect() {
        const FIELDS: &[(&str, &str)] = &[("URL", Setup::URL), ("Password", "`{url_with_password}`")];
        let setup = Setup { place: "Add a webhook.", fields: FIELDS, notes: &[] };
        let found = setup.fields("tea");
        assert_eq!(
            found[0].1,
            "`https://HOST/change_hook/tea`. Append `?project=NAME` or `?codebase=NAME` to set those."
        );
        assert_eq!(found[1].1, "`https://USER:PASSWORD@HOST/change_hook/tea`");
    }
}
