//! Abbreviated revisions: beginnings of hashes, as `git log --oneline` prints them.

use super::records::escaped;

/// From so many hexadecimal digits on the beginning of a revision is taken for one. Git prints seven or more.
pub(super) const MIN_DIGITS: usize = 7;

/// How many digits the shortest hash of a commit has.
const HASH_DIGITS: usize = 40;

/// Whether this may be the beginning of a hash, or a whole one.
pub(super) fn is_beginning(text: &str) -> bool {
    text.len() >= MIN_DIGITS && is_hexadecimal(text)
}

/// Whether this is the beginning of a hash, and no whole one. A number of Subversion with as many digits looks the same.
pub(super) fn is_abbreviated(text: &str) -> bool {
    is_beginning(text) && text.len() < HASH_DIGITS
}

/// Whether this would be one, were it longer.
pub(super) fn is_too_short(text: &str) -> bool {
    text.len() < MIN_DIGITS && is_hexadecimal(text)
}

/// The parameters of the REST API for revisions that begin so, whatever the case of the digits.
pub(super) fn parameters(beginning: &str) -> String {
    let lower = beginning.to_ascii_lowercase();
    let mut parameters = format!("revision__startswith={}", escaped(beginning));
    if lower != beginning {
        parameters.push_str(&format!("&revision__startswith={lower}"));
    }
    parameters
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_have_seven_digits_or_more() {
        let hash = "c0ffee14bb761a232cd80139fbd4c0d33264240a";
        assert!(is_beginning(hash) && is_beginning(&hash[..7]) && is_beginning("C0FFEE1"));
        assert!(is_abbreviated(&hash[..39]) && !is_abbreviated(hash));
        for other in ["", "c0ffee", "c0ffee1x", "r1234567", "72d3162e-cc78"] {
            assert!(!is_beginning(other), "{other}");
        }
        assert!(is_too_short("c0ffee") && is_too_short("12") && !is_too_short("") && !is_too_short(&hash[..7]));
    }

    #[test]
    fn digits_are_asked_for_in_either_case() {
        assert_eq!(parameters("c0ffee1"), "revision__startswith=c0ffee1");
        assert_eq!(parameters("C0ffee1"), "revision__startswith=C0ffee1&revision__startswith=c0ffee1");
    }
}
