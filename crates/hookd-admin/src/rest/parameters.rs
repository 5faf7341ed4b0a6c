//! Query parameters of Buildbot's REST API: `limit`, `offset`, `order`, `field`, and filters such as `branch=main` or
//! `when_timestamp__ge=1714557600`.

use std::collections::BTreeSet;

use hookd_core::{Arguments, Refusal};
use hookd_store::{Field, Filter, Kind, Operator, Order, Query, State, Value};

/// The parameters of a request to the REST API.
#[derive(Debug)]
pub(super) struct Parameters<F> {
    /// Which records, in which order.
    pub(super) query: Query<F>,
    /// Which of their fields are returned; `None` is all.
    pub(super) fields: Option<Vec<&'static str>>,
}

/// Parses the query string of a request for records with these fields.
///
/// # Errors
/// The message of an answer 400, in Buildbot's words where it has some.
pub(super) fn parse<F: Field>(query: &str) -> Result<Parameters<F>, String> {
    let arguments = Arguments::from_query(query).map_err(message)?;
    let mut names = BTreeSet::new();
    for name in arguments.names() {
        names.insert(std::str::from_utf8(name).map_err(|_| "a query parameter is not UTF-8".to_owned())?);
    }
    let mut parameters = Parameters::<F> { query: Query::default(), fields: None };
    for name in names {
        let values = arguments.all(name).map_err(message)?;
        match name {
            "limit" => parameters.query.limit = Some(number(&values, "invalid limit")?),
            "offset" => parameters.query.offset = number(&values, "invalid offset")?,
            "field" => {
                let chosen = values.iter().map(|value| named::<F>(value).map(Field::name));
                parameters.fields = Some(chosen.collect::<Result<_, _>>()?);
            }
            "order" => parameters.query.order = values.iter().map(|value| order(value)).collect::<Result<_, _>>()?,
            name => parameters.query.filters.push(filter(name, &values)?),
        }
    }
    if let Some(chosen) = &parameters.fields {
        if parameters.query.order.iter().any(|order| !chosen.contains(&order.field.name())) {
            return Err("cannot order on un-selected fields".to_owned());
        }
        if parameters.query.filters.iter().any(|filter| !chosen.contains(&filter.field.name())) {
            return Err("cannot filter on un-selected fields".to_owned());
        }
    }
    Ok(parameters)
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
    let takes_many = matches!(operator, Operator::Eq | Operator::Ne | Operator::Contains | Operator::StartsWith);
    let is_supported = match field.kind() {
        Kind::Opaque => false,
        Kind::List => operator == Operator::Contains,
        Kind::Text => true,
        Kind::State => matches!(operator, Operator::Eq | Operator::Ne),
        Kind::Integer | Kind::Real => !matches!(operator, Operator::Contains | Operator::StartsWith),
    };
    if !is_supported || (values.len() > 1 && !takes_many) {
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

#[cfg(test)]
mod tests {
    use hookd_store::{ChangeField, DeliveryField};

    use super::*;

    #[test]
    fn reads_what_buildbots_clients_send() {
        let query = "limit=5&offset=2&order=-changeid&order=branch&branch=a&branch=b&when_timestamp__le=7&field=branch\
            &field=changeid&field=when_timestamp";
        let parameters = parse::<ChangeField>(query).unwrap();
        assert_eq!((parameters.query.limit, parameters.query.offset), (Some(5), 2));
        assert_eq!(parameters.fields, Some(vec!["branch", "changeid", "when_timestamp"]));
        let orders: Vec<_> =
            parameters.query.order.iter().map(|order| (order.field.name(), order.is_descending)).collect();
        assert_eq!(orders, [("changeid", true), ("branch", false)]);
        assert_eq!(parameters.query.filters.len(), 2);
        assert_eq!(parameters.query.filters[0].values.len(), 2);
        assert_eq!(parameters.query.filters[1].operator, Operator::Le);
        let parameters = parse::<DeliveryField>("state=pending").unwrap();
        assert_eq!(parameters.query.filters[0].values, [Value::State(State::Pending)]);
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
            ("changeid__startswith=1", "cannot filter with 'changeid__startswith'"),
            ("files__startswith=a", "cannot filter with 'files__startswith'"),
        ] {
            assert_eq!(parse::<ChangeField>(query).unwrap_err(), message, "{query}");
        }
        assert_eq!(parse::<DeliveryField>("state=x").unwrap_err(), "invalid filter value for state");
    }
}
