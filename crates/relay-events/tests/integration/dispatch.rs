use std::time::Duration;

use relay_core::{
    egress::PrivateNetworks,
    ports::{Health as _, health::Fact, repository::Outbox as _},
};
use relay_testkit::{Logs, Receiver, Reply};

use crate::support::{PATIENCE, Scene, guarded, webhook};

#[tokio::test]
async fn a_notification_that_is_new_hears_nothing_of_the_past() {
    let receiver = Receiver::start().await;
    let scene = Scene::start(Vec::new()).await;
    scene.report("old/s", false).await;
    scene.dispatcher.configure(vec![webhook("ops", &receiver.url("/"))]);
    scene.eventually("it begins", async |s| !s.repository.cursors().await.expect("working").is_empty()).await;
    scene.report("new/s", false).await;
    let received = receiver.wait_for(1, PATIENCE).await;
    assert_eq!(received[0].body, "DOWN new");
    scene
        .eventually("it is logged", async |s| s.repository.deliveries(9).await.expect("working").len() == 1)
        .await;
    let log = scene.repository.deliveries(9).await.expect("working");
    assert!(log[0].delivered && log[0].attempts == 1 && log[0].key == received[0].key());

    scene.dispatcher.configure(Vec::new());
    scene
        .eventually("it is forgotten", async |s| s.repository.cursors().await.expect("working").is_empty())
        .await;
    assert!(scene.repository.upcoming("ops", 9).await.expect("working").is_empty());
    scene.stop().await;
}

#[tokio::test]
async fn retry_after_is_honoured_and_the_key_stays() {
    let receiver = Receiver::start().await;
    receiver.reply(Reply::Answer(429, vec!["Retry-After: 120".to_owned()], "slow down".to_owned()));
    let scene = Scene::start(vec![webhook("ops", &receiver.url("/"))]).await;
    scene.report("a/s", false).await;
    receiver.wait_for(1, PATIENCE).await;
    let failing = async |s: &Scene| matches!(s.dispatcher.check().await.facts[1].1, Fact::Text(_));
    scene.eventually("the failure is noted", failing).await;
    // The receiver wants to be left alone, by everybody.
    scene.report("b/s", false).await;
    receiver.reply(Reply::ok(""));
    scene.clock.advance(Duration::from_secs(119));
    scene
        .eventually("the second event is planned", async |s| {
            s.repository.upcoming("ops", 9).await.expect("working").len() == 2
        })
        .await;
    assert_eq!(receiver.received().len(), 1);
    scene.clock.advance(Duration::from_secs(1));
    let received = receiver.wait_for(3, PATIENCE).await;
    let again = received[1..].iter().find(|request| request.body == "DOWN a").expect("sent again");
    assert_eq!(again.key(), received[0].key());
    let works = async |s: &Scene| s.dispatcher.check().await.facts[1].1 == Fact::None;
    scene.eventually("it works again", works).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_target_that_hangs_or_never_ends_delays_no_other() {
    let (silent, endless, good) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    silent.reply(Reply::Silence);
    endless.reply(Reply::Endless);
    let scene = Scene::start(vec![
        webhook("silent", &silent.url("/")),
        webhook("endless", &endless.url("/")),
        webhook("good", &good.url("/")),
    ])
    .await;
    for number in 0..12 {
        scene.report(&format!("p{number}/s"), false).await;
    }
    let began = tokio::time::Instant::now();
    good.wait_for(12, PATIENCE).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // No more than a few at a time wait for one that hangs.
    assert!(silent.received().len() <= 4);
    endless.wait_for(12, PATIENCE).await;
    scene
        .eventually("an endless answer with a good code is a success", async |s| {
            let log = s.repository.deliveries(99).await.expect("working");
            log.iter().filter(|line| line.notification == "endless" && line.delivered).count() == 12
        })
        .await;
    scene.stop().await;
}

#[tokio::test]
async fn what_was_under_way_when_the_process_ended_is_sent_again() {
    let receiver = Receiver::start().await;
    receiver.reply(Reply::Silence);
    let hook = || vec![webhook("ops", &receiver.url("/"))];
    let scene = Scene::start(hook()).await;
    scene.report("a/s", false).await;
    let first = receiver.wait_for(1, PATIENCE).await;
    let (clock, repository) = (scene.clock.clone(), scene.repository.clone());
    // Dropped, not stopped: nothing is written down any more.
    drop(scene);
    receiver.reply(Reply::ok(""));
    let scene = Scene::start_over(clock, repository, hook()).await;
    let received = receiver.wait_for(2, PATIENCE).await;
    assert_eq!((received[1].key(), &received[1].body), (first[0].key(), &first[0].body));
    scene
        .eventually("it is logged", async |s| {
            s.repository.deliveries(9).await.expect("working").iter().any(|line| line.attempts == 2)
        })
        .await;
    scene.stop().await;
}

#[tokio::test]
async fn private_networks_can_be_denied() {
    let receiver = Receiver::start().await;
    let port = receiver.address().port();
    let scene = Scene::start(vec![
        guarded("literal", &receiver.url("/"), PrivateNetworks::Deny),
        guarded("name", &format!("http://localhost:{port}/"), PrivateNetworks::Deny),
        webhook("open", &format!("http://localhost:{port}/")),
    ])
    .await;
    scene.report("a/s", false).await;
    receiver.wait_for(1, PATIENCE).await;
    scene
        .eventually("both are refused", async |s| {
            let Fact::Text(failing) = s.dispatcher.check().await.facts[1].1.clone() else { return false };
            failing.matches("private networks are denied").count() == 2
        })
        .await;
    assert_eq!(receiver.received().len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn redirects_are_not_followed_and_secrets_not_logged() {
    let (logs, _guard) = Logs::capture(tracing::Level::TRACE);
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let location = format!("Location: {}", elsewhere.url("/s3cret"));
    receiver.reply(Reply::Answer(302, vec![location], "body with s3cret".to_owned()));
    let scene = Scene::start(vec![webhook("ops", &receiver.url("/t0k-s3cret"))]).await;
    scene.report("a/s", false).await;
    receiver.wait_for(1, PATIENCE).await;
    let failing = async |s: &Scene| matches!(s.dispatcher.check().await.facts[1].1, Fact::Text(_));
    scene.eventually("the failure is noted", failing).await;
    let Fact::Text(failing) = scene.dispatcher.check().await.facts[1].1.clone() else { panic!("noted") };
    assert!(failing.contains("302 which leads elsewhere"), "{failing}");
    scene.stop().await;
    assert!(elsewhere.received().is_empty());
    assert!(!logs.lines_with("a notification cannot be delivered").is_empty(), "{}", logs.text());
    let own: Vec<String> = logs.lines_with("s3cret");
    assert!(own.is_empty(), "{own:?}");
}

#[tokio::test]
async fn a_store_that_is_away_loses_nothing() {
    let (logs, _guard) = Logs::capture(tracing::Level::WARN);
    let receiver = Receiver::start().await;
    let scene = Scene::start(vec![webhook("ops", &receiver.url("/"))]).await;
    scene.report("a/s", false).await;
    receiver.wait_for(1, PATIENCE).await;
    scene.repository.fail("away");
    let noticed = async |_: &Scene| !logs.lines_with("the outbox cannot be used").is_empty();
    scene.eventually("the outage is noticed", noticed).await;
    scene.repository.recover();
    scene.report("b/s", false).await;
    let received = receiver.wait_until(PATIENCE, |all| all.iter().any(|one| one.body == "DOWN b")).await;
    assert!(received.iter().filter(|one| one.body == "DOWN a").all(|one| one.key() == received[0].key()));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dispatchers_on_one_store_tell_everything_once() {
    const CHANNELS: usize = 40;
    let receiver = Receiver::start().await;
    let hook = || vec![webhook("ops", &receiver.url("/"))];
    let one = Scene::start(hook()).await;
    let other = one.beside(hook()).await;
    for number in 0..CHANNELS {
        one.report(&format!("p{number}/s"), false).await;
    }
    receiver.wait_for(CHANNELS, PATIENCE).await;
    one.eventually("all is written down", async |s| {
        s.repository.deliveries(99).await.expect("working").len() >= CHANNELS
    })
    .await;
    // Both have ended what they had begun: nothing more can come.
    one.stop().await;
    let log = other.repository.deliveries(99).await.expect("working");
    other.stop().await;
    assert!(log.iter().all(|line| line.delivered && line.attempts == 1), "{log:#?}");
    let mut told: Vec<String> = receiver.received().into_iter().map(|request| request.body).collect();
    told.sort_unstable();
    let mut wanted: Vec<String> = (0..CHANNELS).map(|number| format!("DOWN p{number}")).collect();
    wanted.sort_unstable();
    assert_eq!(told, wanted, "each once");
}

#[tokio::test]
async fn what_a_dispatcher_had_begun_when_it_died_another_one_takes_over() {
    let receiver = Receiver::start().await;
    receiver.reply(Reply::Silence);
    let hook = || vec![webhook("ops", &receiver.url("/"))];
    let first = Scene::start(hook()).await;
    first.report("a/s", false).await;
    let begun = receiver.wait_for(1, PATIENCE).await;
    let second = first.beside(hook()).await;
    // Dropped, not stopped: nothing is written down any more.
    drop(first);
    receiver.reply(Reply::ok(""));
    // It cannot know that the other one is dead, and leaves the message to it until the lease is over.
    second.clock.advance(Duration::from_secs(24));
    second.report("b/s", false).await;
    let received = receiver.wait_for(2, PATIENCE).await;
    assert_eq!(received[1].body, "DOWN b");
    second.clock.advance(Duration::from_secs(1));
    let received = receiver.wait_for(3, PATIENCE).await;
    assert_eq!((received[2].key(), &received[2].body), (begun[0].key(), &begun[0].body));
    second
        .eventually("it is logged", async |s| {
            s.repository.deliveries(9).await.expect("working").iter().any(|line| line.attempts == 2)
        })
        .await;
    second.stop().await;
    assert_eq!(receiver.received().len(), 3);
}

#[tokio::test]
async fn what_follows_within_half_a_minute_is_told_when_that_is_over() {
    let receiver = Receiver::start().await;
    let scene = Scene::start(vec![webhook("ops", &receiver.url("/"))]).await;
    scene.report("a/s", false).await;
    receiver.wait_for(1, PATIENCE).await;
    scene.clock.advance(Duration::from_secs(10));
    scene.report("a/s", true).await;
    let waits = async |s: &Scene| {
        let open = s.repository.upcoming("ops", 9).await.expect("working");
        open.iter().any(|one| one.sending.is_none() && !one.waiting.is_empty())
    };
    scene.eventually("it is collected", waits).await;
    scene.clock.advance(Duration::from_secs(19));
    scene.report("b/s", false).await;
    assert_eq!(receiver.wait_for(2, PATIENCE).await[1].body, "DOWN b", "it is still collected");
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(receiver.wait_for(3, PATIENCE).await[2].body, "UP a");
    scene.stop().await;
}
