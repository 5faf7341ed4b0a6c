//! "Did you mean": what was probably meant by a name that is not known.

/// `` ; did you mean `NAME`? `` for the nearest of the `known` names, or nothing where none is near.
pub(super) fn of<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    // A third of the letters may be wrong, as in rustc.
    let most = name.chars().count().max(3) / 3;
    let near = known.into_iter().map(|known| (strsim::osa_distance(name, known), known)).min();
    match near {
        Some((distance, known)) if distance <= most => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn suggests_what_is_near() {
        let known = ["secret", "strict", "token"];
        assert_eq!(of("secert", known), "; did you mean `secret`?");
        assert_eq!(of("tokn", known), "; did you mean `token`?");
        assert_eq!(of("codebase", known), "");
        assert_eq!(of("x", []), "");
    }
}
