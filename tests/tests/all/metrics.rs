//! `/metrics`: the format that every scraper reads, and the figures that the manual names.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use hookd_tests::http::{self, Request};
use hookd_tests::peers::peer;
use hookd_tests::{GithubApi, Home, Hookd, until};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::api_retries::pull_request;
use crate::push;

/// A hookd of which every metric has a value.
fn busy() -> (Hookd, GithubApi) {
    let api = GithubApi::start();
    api.set_down(true);
    let tables = format!(
        "[change_hook_dialects.github]\ngithub_api_endpoint = {:?}\n[[sinks]]\nname = 'out'\ntype = 'file'\npath = 'out'\n",
        api.endpoint()
    );
    let hookd = Home::serving(&tables).start();
    assert_eq!(hookd.send(&push::request("1")).status, 202);
    assert_eq!(hookd.send(&push::webhook("pull_request", &pull_request())).status, 202);
    until("the change has arrived", || {
        (hookd.admin().metric("hookd_sink_arrival_delay_seconds_count{sink=\"out\"}") == 1.0).then_some(())
    });
    until("the API was asked", || (!api.calls().is_empty()).then_some(()));
    (hookd, api)
}

#[test]
#[ignore = "needs promtool from cargo xtask test"]
fn promtool_finds_nothing_to_complain_about() {
    let (hookd, _api) = busy();
    let text = hookd.admin().get("/metrics").text();
    let mut promtool = Command::new(peer("promtool/usr/bin/promtool"));
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = promtool.spawn().expect("it is a program");
    process.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    let output = process.wait_with_output().expect("it ends");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[test]
fn the_text_format_is_the_default_and_open_metrics_by_accept() {
    let (hookd, _api) = busy();
    let get = |accept: Option<&str>| {
        let mut request = Request::get("/metrics");
        if let Some(accept) = accept {
            request = request.header("Accept", accept);
        }
        let answer = http::send(hookd.admin().address(), &request).expect("an answer");
        (answer.header("Content-Type").unwrap_or_default().to_owned(), answer.text())
    };
    for accept in [None, Some("*/*"), Some("text/plain")] {
        let (content_type, text) = get(accept);
        assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8", "{accept:?}");
        assert!(text.contains("\n# TYPE hookd_requests_total counter\n") && !text.contains("# EOF"), "{text}");
    }
    let (content_type, text) = get(Some("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"));
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.contains("\n# TYPE hookd_requests counter\n") && text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn figures_of_the_process_the_configuration_and_pending_deliveries() {
    let (hookd, api) = busy();
    let metric = |name: &str| hookd.admin().metric(name);
    assert_eq!(metric("hookd_pending_deliveries"), 1.0);
    assert!(hookd.admin().get("/metrics").text().contains("\nhookd_build_info{version=\""));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64();
    for name in ["process_start_time_seconds", "hookd_config_last_reload_success_timestamp_seconds"] {
        assert!((now - 120.0..now + 5.0).contains(&metric(name)), "{name}: {}, now {now}", metric(name));
    }
    let (resident, _) = hookd.memory();
    let shown = metric("process_resident_memory_bytes") / f64::from(1 << 20);
    assert!((shown - resident as f64).abs() < 20.0, "{shown} MiB, {resident} MiB");
    for name in ["process_cpu_seconds_total", "process_virtual_memory_bytes", "process_open_fds", "process_max_fds"] {
        assert!(metric(name) > 0.0, "{name}: {}", metric(name));
    }
    hookd.home().write("hookd.toml", "[sever]\n");
    hookd.signal("HUP");
    until("the reload failed", || (metric("hookd_config_last_reload_successful") == 0.0).then_some(()));
    api.set_down(false);
    until("nothing is pending any more", || (metric("hookd_pending_deliveries") == 0.0).then_some(()));
}

/// Writes a certificate for the address of the tests that is valid from one year's beginning to another's.
fn write_certificate(home: &Home, name: &str, years: [i32; 2]) {
    let mut parameters = CertificateParams::new(["127.0.0.1".to_owned()]).expect("it is an address");
    [parameters.not_before, parameters.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = parameters.self_signed(&key).expect("a certificate can be made");
    home.write(&format!("{name}.pem"), certificate.pem());
    home.write(&format!("{name}.key"), key.serialize_pem());
}

const TLS: &str = "[server]\nlisten = '127.0.0.1:0'\ntls = { certificate = 'public.pem', key = 'public.key' }\n[admin]\n\
    listen = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n[change_hook_dialects]\nbitbucket = false\n";

#[test]
fn an_expired_certificate_is_refused_by_check_and_shown_by_a_hookd_that_runs() {
    let home = Home::with_config(TLS);
    write_certificate(&home, "public", [2015, 2020]);
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{}", checked.stderr);
    let said = "hookd.toml:3:7: section `server`: `tls`: `";
    let line =
        checked.stderr.lines().find(|line| line.starts_with(said)).unwrap_or_else(|| panic!("{}", checked.stderr));
    assert!(line.contains("public.pem`: the certificate expired") && line.contains("2020-01-01T00:00:00Z"), "{line}");
    // Some forges do not verify it: hookd serves them.
    let hookd = home.start();
    assert_eq!(
        hookd.admin().metric("hookd_certificate_expiry_timestamp_seconds{listener=\"public\"}"),
        1_577_836_800.0
    );
    until("the log says so", || {
        let is_logged =
            |line: &String| line.contains("\"level\":\"ERROR\"") && line.contains("the certificate expired");
        hookd.log().iter().any(is_logged).then_some(())
    });
    assert_eq!(hookd.terminate().0.code(), Some(0));
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused_by_check() {
    let home = Home::with_config(TLS);
    write_certificate(&home, "public", [2090, 2095]);
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{}", checked.stderr);
    assert!(checked.stderr.contains("the certificate is not valid before 2090-01-01T00:00:00Z"), "{}", checked.stderr);
}

#[test]
#[ignore = "needs faketime from cargo xtask test"]
fn a_certificate_that_expires_soon_is_warned_of() {
    let home = Home::with_config(TLS);
    write_certificate(&home, "public", [2030, 2031]);
    let checked = home.within(&["faketime", "2030-12-22 12:00:00"]).run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let line =
        checked.stderr.lines().find(|line| line.starts_with("warning: hookd.toml:3:7: section `server`: `tls`: "));
    assert!(line.is_some_and(|line| line.contains("the certificate expires in 9 days")), "{}", checked.stderr);
}
