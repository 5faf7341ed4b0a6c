//! Posting changes to a master directly, as a script would: what it takes by itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::child::Server;

/// Posts changes one after the other on one connection, again and again, for some time. Returns how many a second.
pub(super) fn post(server: &Server, changes: &[Value], duration: Duration) -> Result<f64, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", server.name);
    let mut output = TcpStream::connect(server.address).map_err(failed)?;
    output.set_nodelay(true).map_err(failed)?;
    output.set_read_timeout(Some(Duration::from_secs(60))).map_err(failed)?;
    let mut input = BufReader::new(output.try_clone().map_err(failed)?);
    let (begun, mut count) = (Instant::now(), 0_u32);
    for change in changes.iter().cycle() {
        let form = form(change);
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            server.path,
            form.len()
        );
        output.write_all(request.as_bytes()).map_err(failed)?;
        let (status, length) = head(&mut input).map_err(failed)?;
        let body = body(&mut input, length).map_err(failed)?;
        if !(200..300).contains(&status) {
            return Err(format!("{} answered {status}: {}", server.name, String::from_utf8_lossy(&body)));
        }
        count += 1;
        if begun.elapsed() >= duration {
            break;
        }
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

/// The body of an answer: of this length, or else in chunks, as a master answers that begins before it knows the length.
fn body(input: &mut BufReader<TcpStream>, length: Option<usize>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = match length {
            Some(length) => length,
            None => {
                let mut line = String::new();
                input.read_line(&mut line)?;
                usize::from_str_radix(line.trim_end(), 16).map_err(std::io::Error::other)?
            }
        };
        let begin = body.len();
        body.resize(begin + size, 0);
        input.read_exact(&mut body[begin..])?;
        if length.is_some() {
            return Ok(body);
        }
        input.read_exact(&mut [0; 2])?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Status and length of an answer.
fn head(input: &mut BufReader<TcpStream>) -> std::io::Result<(u16, Option<usize>)> {
    let (mut status, mut length, mut line) = (0, None, String::new());
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end();
        if text.is_empty() {
            return Ok((status, length));
        }
        if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
            status = rest.split(' ').next().and_then(|status| status.parse().ok()).unwrap_or(0);
        } else if let Some((name, value)) = text.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.parse().map_err(std::io::Error::other)?);
        }
    }
}

/// The form that hookd sends of a change, from how its REST API shows it.
fn form(change: &Value) -> String {
    let texts =
        ["author", "committer", "comments", "branch", "category", "revision", "revlink", "project", "repository"];
    let mut fields: Vec<(&str, String)> =
        texts.iter().filter_map(|name| Some((*name, change[*name].as_str()?.to_owned()))).collect();
    fields.extend(change["when_timestamp"].as_i64().map(|when| ("when_timestamp", when.to_string())));
    fields.push(("files", change["files"].to_string()));
    let empty = serde_json::Map::new();
    let sourced = change["properties"].as_object().unwrap_or(&empty);
    let mut properties: serde_json::Map<String, Value> =
        sourced.iter().map(|(name, value)| (name.clone(), value[0].clone())).collect();
    properties.insert("hookd_id".to_owned(), change["hookd_id"].clone());
    fields.push(("properties", Value::Object(properties).to_string()));
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// As forms encode a value.
fn encoded(value: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_has_what_the_change_has() {
        let change = json!({
            "author": "Ä b", "branch": null, "comments": "1+1=2", "files": ["a"], "hookd_id": "k-1-1",
            "properties": {"n": [1, "Change"]}, "when_timestamp": 7,
        });
        let expected = "author=%C3%84+b&comments=1%2B1%3D2&when_timestamp=7&files=%5B%22a%22%5D&\
                        properties=%7B%22hookd_id%22%3A%22k-1-1%22%2C%22n%22%3A1%7D";
        assert_eq!(form(&change), expected);
    }
}
