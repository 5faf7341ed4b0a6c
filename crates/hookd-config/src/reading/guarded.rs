//! Calls of code that others have plugged in, whose panics become problems of the configuration.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use hookd_core::Problem;

thread_local! {
    /// Whether this thread calls such code.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where it panicked.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The result of code that builds what is named, such as `` dialect class `github` ``, or a problem that says where it
/// panicked. Nothing else says so: neither a backtrace nor the message of the panic, which may quote a secret.
///
/// # Errors
/// Those of the code, and that it panicked.
pub(crate) fn guarded<T>(
    what: &str,
    name: &str,
    code: impl FnOnce() -> Result<T, Vec<Problem>>,
) -> Result<T, Vec<Problem>> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if IS_GUARDED.get() {
                PLACE.set(panic.location().map(ToString::to_string));
            } else {
                otherwise(panic);
            }
        }));
    });
    IS_GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(code));
    IS_GUARDED.set(false);
    let place = PLACE.take().map(|place| format!(" at {place}")).unwrap_or_default();
    result.unwrap_or_else(|_| {
        let message = format!("the {what} `{name}` panicked{place} when it read its options: a fault of its code");
        Err(vec![Problem::of_all(message)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_problem_without_its_message() {
        let problems = guarded::<()>("dialect", "x", || panic!("hunter2")).unwrap_err();
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        let expected = format!("the dialect `x` panicked at {}:", file!());
        assert!(problem.message.starts_with(&expected) && !problem.message.contains("hunter2"), "{problem}");
        assert_eq!(guarded("dialect", "x", || Ok(1)), Ok(1));
        let problem = Problem::with("a", "b");
        assert_eq!(guarded::<()>("dialect", "x", || Err(vec![problem.clone()])), Err(vec![problem]));
    }
}
