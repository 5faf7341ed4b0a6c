//! The envelope of Buildbot's REST API: records under the name of their kind, and `meta`.

use std::io::{self, Write};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::X_CONTENT_TYPE_OPTIONS;
use serde_json::{Map, Value as Json, json};

/// A collection in its envelope: the chosen fields of each record, and how many match in all.
pub(super) fn collection(kind: &str, records: Vec<Json>, total: u64, fields: Option<&[&'static str]>) -> HttpResponse {
    let records: Vec<Json> = records.into_iter().map(|record| select(record, fields)).collect();
    answer(StatusCode::OK, &envelope(kind, records, json!({ "total": total })))
}

/// A collection that is written record by record, so that its records need not be in memory as JSON all at once.
pub(super) struct List {
    text: String,
    is_empty: bool,
    fields: Option<Vec<&'static str>>,
}

impl List {
    /// An empty one, of which these fields are shown.
    pub(super) fn new(kind: &str, fields: Option<Vec<&'static str>>) -> Self {
        Self { text: format!("{{{}:[", json!(kind)), is_empty: true, fields }
    }

    /// Adds a record; `is_cut` if only the beginnings of its long fields are there.
    pub(super) fn add(&mut self, record: Json, is_cut: bool) {
        let mut record = select(record, self.fields.as_deref());
        if is_cut {
            record["truncated"] = json!(true);
        }
        if !std::mem::take(&mut self.is_empty) {
            self.text.push(',');
        }
        self.text.push_str(&record.to_string());
    }

    /// Its text, with how many match in all, and the limit if it is less than was asked for.
    pub(super) fn end(mut self, total: u64, limit: Option<u64>) -> String {
        let mut meta = json!({ "total": total });
        if let Some(limit) = limit {
            meta["limit"] = json!(limit);
        }
        self.text.push_str(&format!("],\"meta\":{meta}}}"));
        self.text
    }
}

/// The text of one record in its envelope.
pub(super) fn single(kind: &str, record: Json, fields: Option<&[&'static str]>) -> String {
    let json = envelope(kind, vec![select(record, fields)], json!({}));
    // In as much memory as it takes: growing, it would have up to three times as much.
    let mut length = Length(0);
    let _ = serde_json::to_writer(&mut length, &json);
    let mut text = Vec::with_capacity(length.0);
    let _ = serde_json::to_writer(&mut text, &json);
    String::from_utf8(text).unwrap_or_default()
}

/// Counts the bytes that are written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn envelope(kind: &str, records: Vec<Json>, meta: Json) -> Json {
    let mut object = Map::new();
    object.insert(kind.to_owned(), Json::Array(records));
    object.insert("meta".to_owned(), meta);
    Json::Object(object)
}

fn select(record: Json, fields: Option<&[&'static str]>) -> Json {
    match (record, fields) {
        (Json::Object(mut map), Some(fields)) => {
            map.retain(|key, _| fields.contains(&key.as_str()));
            Json::Object(map)
        }
        (record, _) => record,
    }
}

/// An error, in the envelope of errors.
pub(crate) fn error(status: StatusCode, message: &str) -> HttpResponse {
    answer(status, &json!({ "error": message }))
}

/// An answer of JSON.
pub(super) fn answer(status: StatusCode, json: &Json) -> HttpResponse {
    text(status, json.to_string())
}

/// An answer of JSON that is written already.
pub(super) fn text(status: StatusCode, json: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(("Content-Type", "application/json; charset=utf-8"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(json)
}
