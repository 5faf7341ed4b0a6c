//! Requests as they lie in a block. The layout is in [`super::block`].

use std::io::Read as _;

use bytes::Bytes;
use hookd_core::Method;
use hookd_store::{RequestHead, StoredRequest};

use super::dictionary;
use super::version::frame;
use super::wire::{Input, broken, write_length, write_optional_text, write_text};
use crate::error::Failure;

/// Where a request lies among the requests of a block, in bytes before compression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestPlace {
    pub(crate) offset: usize,
    /// Zero where the delivery came without a request.
    pub(crate) head_length: usize,
    pub(crate) body_length: usize,
}

impl RequestPlace {
    /// The place after it.
    pub(crate) fn end(self) -> usize {
        self.offset + self.head_length + self.body_length
    }
}

/// The forge's id of a delivery mostly comes in a header; as it is random, it would be the largest part of the head. So the
/// record of the delivery alone has it.
pub(super) fn write_head(to: &mut Vec<u8>, head: &RequestHead, forge_id: Option<&str>) {
    let RequestHead { method, path, query, headers } = head;
    to.push(match method {
        Method::Get => 0,
        Method::Post => 1,
    });
    write_text(to, path);
    write_text(to, query);
    write_length(to, headers.len());
    for (name, value) in headers {
        write_text(to, name);
        write_optional_text(to, Some(value.as_str()).filter(|value| forge_id != Some(*value)));
    }
}

fn read_head(bytes: &[u8], forge_id: Option<&str>) -> Result<RequestHead, Failure> {
    let mut input = Input::new(bytes);
    let method = match input.byte()? {
        0 => Method::Get,
        1 => Method::Post,
        _ => return Err(broken("a request has an unknown method")),
    };
    let (path, query) = (input.text()?.to_owned(), input.text()?.to_owned());
    let count = input.length()?;
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count {
        let name = input.text()?.to_owned();
        let value = input.optional_text()?.or(forge_id);
        let value = value.ok_or_else(|| broken("a header is the forge id of a delivery that has none"))?;
        headers.push((name, value.to_owned()));
    }
    Ok(RequestHead { method, path, query, headers })
}

/// The request at a place of packed requests, of a delivery with this forge id.
///
/// # Errors
/// When the block is broken.
pub(crate) fn request_at(packed: &[u8], place: RequestPlace, forge_id: Option<&str>) -> Result<StoredRequest, Failure> {
    let failed = |error: std::io::Error| broken(&error.to_string());
    let mut raw = dictionary::reader(frame(packed)?).map_err(failed)?;
    let mut skipped = (&mut raw).take(place.offset as u64);
    std::io::copy(&mut skipped, &mut std::io::sink()).map_err(failed)?;
    let mut bytes = vec![0; place.head_length + place.body_length];
    raw.read_exact(&mut bytes).map_err(failed)?;
    let head = read_head(&bytes[..place.head_length], forge_id)?;
    Ok(StoredRequest { head, body: Bytes::from(bytes).slice(place.head_length..) })
}

/// The same among requests that were unpacked.
///
/// # Errors
/// When the block is broken.
pub(crate) fn request_in(
    requests: &[u8],
    place: RequestPlace,
    forge_id: Option<&str>,
) -> Result<StoredRequest, Failure> {
    let bytes = requests.get(place.offset..place.end()).ok_or_else(|| broken("a request is lost"))?;
    let (head, body) = bytes.split_at(place.head_length);
    Ok(StoredRequest { head: read_head(head, forge_id)?, body: Bytes::copy_from_slice(body) })
}
