//! The way from a page to the others. Links are relative, so that the pages work under any path of a proxy.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The way from a page to the first one: how many folders up that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Root(u8);

impl Root {
    /// From a page beside the first one, such as `/sinks`.
    pub(super) const TOP: Self = Self(0);

    /// From a page of one record, such as `/changes/7`.
    pub(super) const RECORD: Self = Self(1);

    /// From the page with this path, as it is in the request.
    pub(super) fn of(path: &str) -> Self {
        let folders = path.bytes().filter(|byte| *byte == b'/').count();
        Self(u8::try_from(folders.saturating_sub(1)).unwrap_or(u8::MAX))
    }

    /// A link to a page, by its path from the first one.
    pub(super) fn to(self, path: &str) -> String {
        match self.0 {
            0 => format!("./{path}"),
            folders => format!("{}{path}", "../".repeat(folders.into())),
        }
    }

    /// A link to the page of a delivery.
    pub(super) fn delivery(self, deliveryid: i64) -> String {
        self.to(&format!("deliveries/{deliveryid}"))
    }

    /// A link to the page of a change.
    pub(super) fn change(self, changeid: i64) -> String {
        self.to(&format!("changes/{changeid}"))
    }

    /// The path under which a poller is asked for something.
    pub(super) fn poller(self, name: &str) -> String {
        self.to(&format!("pollers/{}", utf8_percent_encode(name, NON_ALPHANUMERIC)))
    }

    /// A link to the page of a sink.
    pub(super) fn sink(self, name: &str) -> String {
        self.to(&format!("sinks/{}", utf8_percent_encode(name, NON_ALPHANUMERIC)))
    }
}

#[cfg(test)]
mod tests {
    use super::Root;

    #[test]
    fn links_lead_up_as_many_folders_as_their_page_is_deep() {
        for (path, link) in [
            ("/", "./changes/7"),
            ("/sinks", "./changes/7"),
            ("/changes/6", "../changes/7"),
            ("/sinks/a%2Fb/pause", "../../changes/7"),
            ("", "./changes/7"),
        ] {
            assert_eq!(Root::of(path).change(7), link, "{path}");
        }
        assert_eq!(Root::RECORD.to(""), "../");
        assert_eq!(Root::TOP.sink("a/b: ü"), "./sinks/a%2Fb%3A%20%C3%BC");
        assert_eq!(Root::of(&"/".repeat(10_000)).to(""), "../".repeat(255));
    }
}
