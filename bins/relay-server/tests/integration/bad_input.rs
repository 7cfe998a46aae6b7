//! Whatever is wrong, the program says in a line what to do, fails, and leaves nothing half-written.

use std::{fs, net::TcpListener, path::Path, process::Output};

use relay_sim::Behaviour;
use serde_json::{Value, json};

use crate::support::{Site, finish, program};

/// Checks the exit code and that each of `parts` is said on one line; returns what was said.
fn check(output: &Output, code: i32, parts: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked") && !said.contains("stack backtrace"), "{said}");
    let told = said.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(told, "no line of\n{said}\nholds all of {parts:?}");
    said
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A valid configuration with one monitor that nobody will get to probe.
fn config() -> Value {
    json!({
        "server": { "listen": "127.0.0.1:0" },
        "storage": { "type": "sqlite", "sqlite": { "path": "history.db" } },
        "monitors": [{
            "provider": "a", "service": "cc", "category": "public", "sponsor": "tests",
            "url": "http://127.0.0.1:9/v1", "method": "GET",
        }],
    })
}

fn run_with(dir: &Path, config: &Value) -> Output {
    fs::write(dir.join("config.yaml"), config.to_string()).expect("written");
    finish(&mut program(dir))
}

#[test]
fn a_missing_file_says_where_it_looked_and_what_helps() {
    let dir = tempfile::tempdir().expect("a directory");
    let looked = dir.path().join("config.yaml");
    let looked = looked.to_str().expect("Unicode");
    let hints = [looked, "relay-server init", "relay-server demo"];
    check(&finish(&mut program(dir.path())), 1, &hints);
    check(&finish(program(dir.path()).arg("check")), 1, &hints);
    check(&finish(program(dir.path()).args(["run", "--config", "else.yaml"])), 1, &["else.yaml"]);
    check(&finish(program(dir.path()).arg("else.yaml")), 1, &["else.yaml"]);
    assert!(files(dir.path()).is_empty());
}

#[test]
fn a_broken_file_is_refused_whole_with_place_and_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "monitors:\n  - provider: a\n    service: cc\n    interval: soon\n";
    fs::write(dir.path().join("config.yaml"), text).expect("written");
    let said = check(&finish(&mut program(dir.path())), 1, &["config.yaml:4:15", "monitors[0].interval"]);
    assert!(said.contains("monitors[0].url"), "all problems at once: {said}");
    check(&finish(program(dir.path()).arg("check")), 1, &["monitors[0].interval"]);
    fs::write(dir.path().join("config.yaml"), "monitors: [").expect("written");
    check(&finish(&mut program(dir.path())), 1, &["config.yaml:1"]);
    fs::write(dir.path().join("config.yaml"), b"\xff\x00\xfe").expect("written");
    check(&finish(&mut program(dir.path())), 1, &["config.yaml"]);
    fs::remove_file(dir.path().join("config.yaml")).expect("removed");
    fs::create_dir(dir.path().join("config.yaml")).expect("made");
    check(&finish(&mut program(dir.path())), 1, &["config.yaml"]);
    assert_eq!(files(dir.path()), ["config.yaml"]);
}

#[test]
fn an_address_in_use_is_named_before_anything_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    fs::write(dir.path().join("config.yaml"), config().to_string()).expect("written");
    let output = finish(program(dir.path()).args(["run", "--listen", &address]));
    check(&output, 1, &[&address, "in use", "--listen"]);
    assert_eq!(files(dir.path()), ["config.yaml"]);
    let output = finish(program(dir.path()).args(["run", "--listen", "nowhere"]));
    check(&output, 2, &["nowhere", "--listen", "127.0.0.1:8080"]);
    let output = finish(program(dir.path()).args(["demo", "--listen", &address]));
    check(&output, 1, &[&address, "in use", "--listen"]);
}

#[test]
fn an_unusable_database_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let with_path = |path: &str| {
        let mut config = config();
        config["storage"]["sqlite"]["path"] = json!(path);
        config
    };
    check(
        &run_with(dir.path(), &with_path("no/such/history.db")),
        1,
        &["no/such/history.db", "storage.sqlite.path"],
    );
    check(&run_with(dir.path(), &with_path("/dev/null/history.db")), 1, &["/dev/null/history.db"]);
    fs::create_dir(dir.path().join("folder.db")).expect("made");
    check(&run_with(dir.path(), &with_path("folder.db")), 1, &["folder.db"]);
    fs::write(dir.path().join("text.db"), "this is no database, whatever its name says\n".repeat(100))
        .expect("written");
    check(&run_with(dir.path(), &with_path("text.db")), 1, &["text.db"]);
    let text = fs::read_to_string(dir.path().join("text.db")).expect("still there");
    assert!(text.starts_with("this is no database"), "a foreign file is left alone");
}

#[test]
fn a_postgres_server_that_cannot_be_reached_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let mut with = config();
    with["storage"] = json!({
        "type": "postgres",
        "postgres": {
            "host": "127.0.0.1", "port": port, "user": "relay", "password": "secret-word", "database": "site",
        },
    });
    let place = format!("database site at 127.0.0.1:{port}");
    let said = check(&run_with(dir.path(), &with), 1, &["storage.postgres", &place, "refused"]);
    assert!(!said.contains("secret-word"), "{said}");
    assert_eq!(files(dir.path()), ["config.yaml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_database_is_refused() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let server = site.start(&[]).await;
    let output = finish(program(site.dir.path()).arg("run"));
    check(&output, 1, &["history.db"]);
    server.stop().await;
}

#[test]
fn what_cannot_be_understood_is_a_usage_error() {
    let dir = tempfile::tempdir().expect("a directory");
    for arguments in [&["--wibble"][..], &["wibble"], &["run", "--listen"], &["check", "--print", "xml"]] {
        let output = finish(program(dir.path()).args(arguments));
        check(&output, 2, &["error:"]);
    }
    fs::write(dir.path().join("config.yaml"), config().to_string()).expect("written");
    let output = finish(program(dir.path()).args(["--log-level", "relay=[loud"]));
    check(&output, 1, &["relay=[loud", "try error, warn, info"]);
    assert_eq!(files(dir.path()), ["config.yaml"]);
}

#[test]
fn check_tells_good_from_doubtful_and_bad() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut with = config();
    fs::write(dir.path().join("config.yaml"), with.to_string()).expect("written");
    let output = finish(program(dir.path()).arg("check"));
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 monitor, 0 warnings"), "{output:?}");

    with["monitors"][0]["intervall"] = json!("1m");
    fs::write(dir.path().join("config.yaml"), with.to_string()).expect("written");
    let output = finish(program(dir.path()).arg("check"));
    check(&output, 0, &["monitors[0].intervall", "did you mean interval?"]);
    check(&finish(program(dir.path()).args(["check", "--strict"])), 1, &["monitors[0].intervall"]);

    let output = finish(program(dir.path()).args(["check", "--print"]));
    assert!(output.status.success(), "{output:?}");
    fs::write(dir.path().join("printed.yaml"), &output.stdout).expect("written");
    let output = finish(program(dir.path()).args(["check", "--strict", "--config", "printed.yaml"]));
    assert!(output.status.success(), "what is printed loads: {output:?}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_before_and_at_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = config();
    config["server"]["tls"] = json!({ "cert": "cert.pem", "key": "key.pem" });
    fs::write(dir.path().join("cert.pem"), "garbage").expect("written");
    let said = check(&run_with(dir.path(), &config), 1, &["server.tls", "cert.pem", "no certificate"]);
    assert_eq!(said.matches("cert.pem").count(), 1, "{said}");
    let doubtful = finish(program(dir.path()).arg("check"));
    check(&doubtful, 0, &["warning: ", "server.tls", "cert.pem", "no certificate"]);
    assert!(String::from_utf8_lossy(&doubtful.stdout).contains("1 warning"));
    check(&finish(program(dir.path()).args(["check", "--strict"])), 1, &["1 warning"]);
}

#[test]
fn init_writes_a_starter_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = finish(program(dir.path()).arg("init"));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(files(dir.path()), [".env.example", "config.yaml"]);
    let output = finish(program(dir.path()).args(["check"]));
    assert!(output.status.success(), "the starter is valid: {output:?}");
    check(&finish(program(dir.path()).arg("init")), 1, &["config.yaml", "left alone"]);
    check(&finish(program(dir.path()).args(["init", "/dev/null/x"])), 1, &["/dev/null/x"]);
}
