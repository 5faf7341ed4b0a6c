//! Documentation of the options from the doc comments of their fields: Markdown, JSON Schema, and lists.

mod markdown;
mod option_doc;
mod schema;

pub use markdown::markdown;
pub use option_doc::OptionDoc;
pub(crate) use schema::SECTIONS;
pub use schema::json_schema;
