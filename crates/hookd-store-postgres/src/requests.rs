//! The rows of requests: head and body together, compressed by zstd.

use bytes::Bytes;
use hookd_core::Method;
use hookd_store::{RequestHead, StoredRequest};
use serde_json::{Value, json};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::Failure;

/// How hard to compress: fast, since it happens before the answer.
const LEVEL: i32 = 3;

/// How many bytes one statement takes, about.
const MAX_STATEMENT_BYTES: usize = 8 << 20;

/// Before the head: how many bytes it takes.
const LENGTH_BYTES: usize = size_of::<u32>();

/// A request as it is stored.
pub(crate) struct Packed {
    length: i64,
    data: Vec<u8>,
}

/// Compresses a request.
pub(crate) fn pack(request: &StoredRequest) -> Result<Packed, Failure> {
    let RequestHead { method, path, query, headers } = &request.head;
    let head = json!({ "method": method.name(), "path": path, "query": query, "headers": headers }).to_string();
    let head_length = u32::try_from(head.len()).map_err(|_| Failure::Damaged("a head is too large".to_owned()))?;
    let mut whole = Vec::with_capacity(LENGTH_BYTES + head.len() + request.body.len());
    whole.extend_from_slice(&head_length.to_le_bytes());
    whole.extend_from_slice(head.as_bytes());
    whole.extend_from_slice(&request.body);
    let data = zstd::bulk::compress(&whole, LEVEL)
        .map_err(|error| Failure::Damaged(format!("a request cannot be compressed: {error}")))?;
    Ok(Packed { length: i64::try_from(whole.len()).unwrap_or(i64::MAX), data })
}

/// A request from a row of its length and data.
pub(crate) fn unpack(row: &Row) -> Result<StoredRequest, Failure> {
    let damaged = |why: &str| Failure::Damaged(format!("a request is damaged: {why}"));
    let length: i64 = row.try_get(0)?;
    let data: &[u8] = row.try_get(1)?;
    let length = usize::try_from(length).map_err(|_| damaged("its length is negative"))?;
    let whole = zstd::bulk::decompress(data, length).map_err(|error| damaged(&error.to_string()))?;
    if whole.len() != length {
        return Err(damaged("it is shorter than it says"));
    }
    let (head_length, rest) = whole.split_first_chunk().ok_or_else(|| damaged("it has no head"))?;
    let head_length = u32::from_le_bytes(*head_length) as usize;
    let head = rest.get(..head_length).ok_or_else(|| damaged("its head is cut"))?;
    let head: Value = serde_json::from_slice(head).map_err(|error| damaged(&error.to_string()))?;
    let text = |name: &str| head[name].as_str().map(str::to_owned).ok_or_else(|| damaged("its head lacks a part"));
    let method = match head["method"].as_str() {
        Some("GET") => Method::Get,
        Some("POST") => Method::Post,
        _ => return Err(damaged("its method is unknown")),
    };
    let headers: Vec<(String, String)> =
        serde_json::from_value(head["headers"].clone()).map_err(|error| damaged(&error.to_string()))?;
    let head = RequestHead { method, path: text("path")?, query: text("query")?, headers };
    let body = Bytes::from(whole).slice(LENGTH_BYTES + head_length..);
    Ok(StoredRequest { head, body })
}

/// Inserts requests by the numbers of their deliveries, in as many statements as it takes.
pub(crate) async fn insert(client: &Client, mut rows: &[(i64, Packed)]) -> Result<(), Failure> {
    while !rows.is_empty() {
        let mut bytes = 0;
        let fits = rows.iter().take_while(|(_, packed)| {
            bytes += packed.data.len();
            bytes <= MAX_STATEMENT_BYTES
        });
        let (some, rest) = rows.split_at(fits.count().max(1));
        let deliveryids: Vec<i64> = some.iter().map(|(deliveryid, _)| *deliveryid).collect();
        let lengths: Vec<i64> = some.iter().map(|(_, packed)| packed.length).collect();
        let data: Vec<&[u8]> = some.iter().map(|(_, packed)| packed.data.as_slice()).collect();
        client
            .execute_typed(
                "INSERT INTO hookd.requests SELECT * FROM unnest($1::int8[], $2::int8[], $3::bytea[])",
                &[(&deliveryids, Type::INT8_ARRAY), (&lengths, Type::INT8_ARRAY), (&data, Type::BYTEA_ARRAY)],
            )
            .await?;
        rows = rest;
    }
    Ok(())
}
