//! Query parameters of Buildbot's REST API, and its envelope.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::X_CONTENT_TYPE_OPTIONS;
use hookd_core::{HookRequest, Refusal};
use hookd_store::{Field, Filter, Kind, Operator, Order, Query, State, Value};
use serde_json::{Map, Value as Json, json};

/// What was asked for: which rows, and which of their fields (`None` is all).
#[derive(Debug)]
pub(super) struct Asked<F> {
    pub(super) query: Query<F>,
    pub(super) fields: Option<Vec<&'static str>>,
}

/// Reads the parameters of a collection of records with these fields.
///
/// # Errors
/// The message of an answer 400, in Buildbot's words where it has some.
pub(super) fn read<F: Field>(query: &str) -> Result<Asked<F>, String> {
    let request = HookRequest::post("/").with_query(query);
    let arguments = request.arguments().map_err(message)?;
    let mut names: BTreeMap<&str, ()> = BTreeMap::new();
    for name in arguments.names() {
        names.insert(std::str::from_utf8(name).map_err(|_| "a query parameter is not UTF-8".to_owned())?, ());
    }
    let mut asked = Asked::<F> { query: Query::default(), fields: None };
    for name in names.into_keys() {
        let values = arguments.all(name).map_err(message)?;
        match name {
            "limit" => asked.query.limit = Some(number(&values, "invalid limit")?),
            "offset" => asked.query.offset = number(&values, "invalid offset")?,
            "field" => {
                let chosen = values.iter().map(|value| named::<F>(value).map(Field::name));
                asked.fields = Some(chosen.collect::<Result<_, _>>()?);
            }
            "order" => asked.query.order = values.iter().map(|value| order(value)).collect::<Result<_, _>>()?,
            name => asked.query.filters.push(filter(name, &values)?),
        }
    }
    if let Some(chosen) = &asked.fields {
        if asked.query.order.iter().any(|order| !chosen.contains(&order.field.name())) {
            return Err("cannot order on un-selected fields".to_owned());
        }
        if asked.query.filters.iter().any(|filter| !chosen.contains(&filter.field.name())) {
            return Err("cannot filter on un-selected fields".to_owned());
        }
    }
    Ok(asked)
}

fn message(refusal: Refusal) -> String {
    refusal.message().to_owned()
}

fn number(values: &[&str], wrong: &str) -> Result<u64, String> {
    values.first().and_then(|value| value.parse().ok()).ok_or_else(|| wrong.to_owned())
}

fn named<F: Field>(name: &str) -> Result<F, String> {
    F::from_name(name).ok_or_else(|| format!("no such field '{name}'"))
}

fn order<F: Field>(value: &str) -> Result<Order<F>, String> {
    let (name, is_descending) = match value.strip_prefix('-') {
        Some(name) => (name, true),
        None => (value, false),
    };
    let field: F = named(name)?;
    match field.kind() {
        Kind::Opaque | Kind::List => Err(format!("cannot order on '{name}'")),
        _ => Ok(Order { field, is_descending }),
    }
}

fn filter<F: Field>(parameter: &str, values: &[&str]) -> Result<Filter<F>, String> {
    let unrecognized = || format!("unrecognized query parameter '{parameter}'");
    let invalid = || format!("invalid filter value for {parameter}");
    let (name, operator) = match parameter.rsplit_once("__") {
        Some((name, operator)) => (name, Operator::from_name(operator).ok_or_else(unrecognized)?),
        None => (parameter, Operator::Eq),
    };
    let field = F::from_name(name).ok_or_else(unrecognized)?;
    let is_many_taken = matches!(operator, Operator::Eq | Operator::Ne | Operator::Contains);
    let is_sensible = match field.kind() {
        Kind::Opaque => false,
        Kind::List => operator == Operator::Contains,
        Kind::Text => true,
        Kind::State => matches!(operator, Operator::Eq | Operator::Ne),
        Kind::Integer | Kind::Real => operator != Operator::Contains,
    };
    if !is_sensible || (values.len() > 1 && !is_many_taken) {
        return Err(format!("cannot filter with '{parameter}'"));
    }
    let value = |text: &&str| match field.kind() {
        Kind::Integer => text.parse().map(Value::Integer).ok(),
        Kind::Real => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Real),
        Kind::State => State::from_name(text).map(Value::State),
        _ => Some(Value::Text((*text).to_owned())),
    };
    Ok(Filter { field, operator, values: values.iter().map(value).collect::<Option<_>>().ok_or_else(invalid)? })
}

/// A collection in its envelope: the chosen fields of each record, and how many match in all.
pub(super) fn collection(kind: &str, records: Vec<Json>, total: u64, fields: Option<&[&'static str]>) -> HttpResponse {
    let records: Vec<Json> = records.into_iter().map(|record| chosen(record, fields)).collect();
    body(StatusCode::OK, &envelope(kind, records, json!({ "total": total })))
}

/// One record in its envelope.
pub(super) fn single(kind: &str, record: Json, fields: Option<&[&'static str]>) -> HttpResponse {
    body(StatusCode::OK, &envelope(kind, vec![chosen(record, fields)], json!({})))
}

fn envelope(kind: &str, records: Vec<Json>, meta: Json) -> Json {
    let mut whole = Map::new();
    whole.insert(kind.to_owned(), Json::Array(records));
    whole.insert("meta".to_owned(), meta);
    Json::Object(whole)
}

fn chosen(record: Json, fields: Option<&[&'static str]>) -> Json {
    match (record, fields) {
        (Json::Object(mut map), Some(fields)) => {
            map.retain(|key, _| fields.contains(&key.as_str()));
            Json::Object(map)
        }
        (record, _) => record,
    }
}

/// An answer of an error.
pub(super) fn error(status: StatusCode, message: &str) -> HttpResponse {
    body(status, &json!({ "error": message }))
}

/// An answer of JSON.
pub(super) fn body(status: StatusCode, json: &Json) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(("Content-Type", "application/json; charset=utf-8"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(json.to_string())
}

#[cfg(test)]
mod tests {
    use hookd_store::{ChangeField, DeliveryField};

    use super::*;

    #[test]
    fn reads_what_buildbots_clients_send() {
        let query = "limit=5&offset=2&order=-changeid&order=branch&branch=a&branch=b&when_timestamp__le=7&field=branch\
            &field=changeid&field=when_timestamp";
        let asked = read::<ChangeField>(query).unwrap();
        assert_eq!((asked.query.limit, asked.query.offset), (Some(5), 2));
        assert_eq!(asked.fields, Some(vec!["branch", "changeid", "when_timestamp"]));
        let orders: Vec<_> = asked.query.order.iter().map(|order| (order.field.name(), order.is_descending)).collect();
        assert_eq!(orders, [("changeid", true), ("branch", false)]);
        assert_eq!(asked.query.filters.len(), 2);
        assert_eq!(asked.query.filters[0].values.len(), 2);
        assert_eq!(asked.query.filters[1].operator, Operator::Le);
        let asked = read::<DeliveryField>("state=pending").unwrap();
        assert_eq!(asked.query.filters[0].values, [Value::State(State::Pending)]);
    }

    #[test]
    fn says_what_is_wrong_in_buildbots_words() {
        for (query, message) in [
            ("x=1", "unrecognized query parameter 'x'"),
            ("branch__like=1", "unrecognized query parameter 'branch__like'"),
            ("limit=-1", "invalid limit"),
            ("offset=x", "invalid offset"),
            ("when_timestamp__le=x", "invalid filter value for when_timestamp__le"),
            ("field=x", "no such field 'x'"),
            ("order=-x", "no such field 'x'"),
            ("field=branch&author=a", "cannot filter on un-selected fields"),
            ("field=branch&order=author", "cannot order on un-selected fields"),
            ("properties=1", "cannot filter with 'properties'"),
            ("changeid__lt=1&changeid__lt=2", "cannot filter with 'changeid__lt'"),
        ] {
            assert_eq!(read::<ChangeField>(query).unwrap_err(), message, "{query}");
        }
        assert_eq!(read::<DeliveryField>("state=x").unwrap_err(), "invalid filter value for state");
    }
}
