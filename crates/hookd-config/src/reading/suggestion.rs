//! "Did you mean": the known name that is nearest to an unknown one.

/// `` ; did you mean `NAME`? `` for the nearest of the `known` names, or nothing where none is near.
pub(crate) fn suggest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    // A third of the letters may be wrong, as in rustc.
    let max_distance = name.chars().count().max(3) / 3;
    let near = known.into_iter().map(|known| (strsim::osa_distance(name, known), known)).min();
    match near {
        Some((distance, known)) if distance <= max_distance => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn suggests_the_nearest_name() {
        let known = ["secret", "strict", "token"];
        assert_eq!(suggest("secert", known), "; did you mean `secret`?");
        assert_eq!(suggest("tokn", known), "; did you mean `token`?");
        assert_eq!(suggest("codebase", known), "");
        assert_eq!(suggest("x", []), "");
    }
}
