//! Where inputs of each size are translated, and what a panic does.

use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use hookd_core::ApiAnswer;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::scripted::{Scripted, TOKEN, one_change};

/// A dialect that says when it begins to translate, and then waits until it may go on.
fn waiting_dialect() -> (Arc<ServedDialect>, UnboundedReceiver<thread::ThreadId>, mpsc::Sender<()>) {
    let (began, begun) = unbounded_channel();
    let (go_on, may_go_on) = mpsc::channel();
    let may_go_on = Mutex::new(may_go_on);
    let dialect = Scripted::new(move |_, _| {
        began.send(thread::current().id()).unwrap();
        may_go_on.lock().unwrap().recv().unwrap();
        Ok(one_change(""))
    });
    (dialect.served(Duration::ZERO), begun, go_on)
}

fn request(bytes: usize) -> HookRequest {
    HookRequest::post("/").with_header("X-Token", TOKEN).with_body(vec![b' '; bytes])
}

#[tokio::test]
async fn small_requests_are_translated_at_once() {
    let (dialect, mut begun, go_on) = waiting_dialect();
    go_on.send(()).unwrap();
    let translator = Translator::default();
    let (_, verdict) = translator.translate(&dialect, request(LARGE_BYTES - 1)).await.unwrap();
    assert_eq!(verdict.proof, Some(Proof::by_key(1)));
    assert_eq!(begun.recv().await, Some(thread::current().id()));
}

/// How many permits are left while an input is translated, which must be on another thread.
async fn permits_left(request: HookRequest, answers: Option<ApiAnswers>) -> usize {
    let (dialect, mut begun, go_on) = waiting_dialect();
    let translator = Arc::<Translator>::default();
    let shared = Arc::clone(&translator);
    let task = tokio::spawn(async move {
        match answers {
            None => shared.translate(&dialect, request).await.unwrap().1.outcome,
            Some(answers) => shared.translate_with(&dialect, request, answers).await.unwrap().outcome,
        }
    });
    assert_ne!(begun.recv().await, Some(thread::current().id()));
    let left = translator.permits.available_permits();
    go_on.send(()).unwrap();
    assert_eq!(task.await.unwrap(), Ok(one_change("")));
    assert_eq!(translator.permits.available_permits(), MAX_CONCURRENT_LARGE as usize);
    left
}

#[tokio::test]
async fn large_requests_are_translated_two_at_a_time_and_huge_ones_alone() {
    assert_eq!(permits_left(request(LARGE_BYTES), None).await, 1);
    assert_eq!(permits_left(request(HUGE_BYTES - 1), None).await, 1);
    assert_eq!(permits_left(request(HUGE_BYTES), None).await, 0);
}

#[tokio::test]
async fn answers_of_apis_count_as_input_and_are_translated_on_the_pool() {
    let answers = |bytes| {
        let mut answers = ApiAnswers::default();
        let body = vec![b' '; bytes].into();
        answers.insert("http://api/1".to_owned(), ApiAnswer::Answered { status: 200, link: None, body });
        answers.insert("http://api/2".to_owned(), ApiAnswer::GaveUp("no answer".to_owned()));
        Some(answers)
    };
    assert_eq!(permits_left(request(10), answers(10)).await, 2);
    assert_eq!(permits_left(request(10), answers(LARGE_BYTES - 10)).await, 1);
    assert_eq!(permits_left(request(LARGE_BYTES), answers(HUGE_BYTES - LARGE_BYTES)).await, 0);
}

#[tokio::test]
async fn a_panic_is_a_fault_of_the_dialect_whenever_it_happens() {
    let dialect = Scripted::new(|_, _| panic!("index out of bounds")).served(Duration::ZERO);
    let translator = Translator::default();
    let fault = Err(Failure::Faulty(Reason::new("the dialect `scripted` failed on this request: it panicked")));
    for bytes in [1, LARGE_BYTES, HUGE_BYTES] {
        let (request, verdict) = translator.translate(&dialect, request(bytes)).await.unwrap();
        assert_eq!((verdict.proof, verdict.outcome), (Some(Proof::by_key(1)), fault.clone()));
        let again = translator.translate_with(&dialect, request, ApiAnswers::default()).await.unwrap();
        assert_eq!(again.outcome, fault);
    }
    assert_eq!(translator.permits.available_permits(), MAX_CONCURRENT_LARGE as usize);
}

#[tokio::test]
async fn an_unverified_request_is_not_translated() {
    let dialect = Scripted::new(|_, _| panic!("it is translated")).served(Duration::ZERO);
    let request = HookRequest::post("/").with_header("X-Event", "push").with_header("X-Token", "wrong");
    let (_, verdict) = Translator::default().translate(&dialect, request).await.unwrap();
    assert_eq!((verdict.proof, verdict.outcome), (None, Err(Refusal::new("wrong token").into())));
    assert_eq!(verdict.event.as_deref(), Some("push"));
}

#[tokio::test]
async fn what_is_not_kept_is_seen_by_verify_alone() {
    let names = |request: &HookRequest| -> Vec<String> {
        request.headers().iter().map(|(name, _)| name.to_ascii_lowercase()).collect()
    };
    let dialect = Scripted::new(move |request, _| Ok(one_change(&names(request).join(" ")))).served(Duration::ZERO);
    let request = request(1)
        .with_header("X-Event", "push")
        .with_header("X-Unnamed", "x")
        .with_header("Content-Type", "a/b")
        .with_header("User-Agent", "test");
    let translator = Translator::default();
    let (kept, verdict) = translator.translate(&dialect, request).await.unwrap();
    let expected = Ok(one_change("x-event content-type user-agent"));
    assert_eq!((verdict.proof, verdict.outcome), (Some(Proof::by_key(1)), expected.clone()));
    // The same after calls, whatever is stored.
    let stored = kept.with_header("X-Unnamed", "x");
    let again = translator.translate_with(&dialect, stored, ApiAnswers::default()).await.unwrap();
    assert_eq!(again.outcome, expected);
}
