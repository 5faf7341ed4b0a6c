//! Texts with places in braces: `{branch}` stands for something else, and `{{` and `}}` for braces.
//!
//! What may stand in braces, and what it means, is for those that use such texts.

/// How much of a text a message repeats, in characters.
const MAX_SHOWN_CHARS: usize = 80;

/// A piece of a text with places in braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// As it stands, with single braces; never empty.
    Text(String),
    /// What stands in braces, without them.
    Place(&'t str),
}

/// The pieces of a text with places in braces, in their order.
///
/// # Errors
/// A brace that is not closed or not opened.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err(format!("`{}` has a `}}` without its `{{`; write `}}}}` for a brace", shown(text)));
        }
        let Some((place, after)) = rest.split_once('}') else {
            return Err(format!("`{}` has a `{{` without its `}}`; write `{{{{` for a brace", shown(text)));
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Place(place));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_stands_between_its_places() {
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(pieces(""), Ok(vec![]));
        assert_eq!(pieces("plain"), Ok(vec![text("plain")]));
        assert_eq!(pieces("{a}{b}"), Ok(vec![Piece::Place("a"), Piece::Place("b")]));
        assert_eq!(pieces("x{}y"), Ok(vec![text("x"), Piece::Place(""), text("y")]));
        assert_eq!(pieces("{{{a}}} {{}}"), Ok(vec![text("{"), Piece::Place("a"), text("} {}")]));
    }

    #[test]
    fn refuses_braces_without_their_partner() {
        assert_eq!(pieces("ü{a"), Err("`ü{a` has a `{` without its `}`; write `{{` for a brace".to_owned()));
        assert_eq!(pieces("a}ü"), Err("`a}ü` has a `}` without its `{`; write `}}` for a brace".to_owned()));
        let long = format!("{}}}", "ü".repeat(81));
        assert!(pieces(&long).unwrap_err().starts_with(&format!("`{}…` has a `}}`", "ü".repeat(80))));
    }
}
