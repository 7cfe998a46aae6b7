use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use jiff::civil::time;
use proptest::prelude::*;
use relay_core::{
    MonitorKey, Psc, Status,
    event::{EventMeta, NewEvent, Stable},
};

use super::*;
use crate::notify::QuietHours;

/// 2026-03-10 12:00:00 UTC.
const NOON: i64 = 1_773_144_000;
const LEASE: Duration = Duration::from_secs(25);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(NOON + seconds)
}

fn event(id: i64, model: &str, up: bool, seconds: i64) -> Event {
    let kind = if up { EventType::Up } else { EventType::Down };
    let event = NewEvent {
        key: MonitorKey::from_parts("p", "s", "c", model),
        kind,
        from_status: if up { Stable::Down } else { Stable::Up },
        to_status: if up { Status::Green } else { Status::Red },
        trigger_record_id: id,
        observed_at: NOON + seconds,
        meta: EventMeta::default(),
    };
    Event { id, created_at: NOON + seconds, event }
}

fn fresh() -> Conversation {
    Conversation::new("ops", &Psc::new("p", "s", "c"))
}

fn night() -> QuietHours {
    QuietHours::new(time(23, 0, 0, 0), time(7, 0, 0, 0), "UTC").expect("a zone")
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// A conversation, and what came of it.
struct Scene {
    rules: Rules,
    conversation: Conversation,
    /// Whether the receiver takes messages.
    works: bool,
    now: i64,
    told: String,
    next_id: i64,
}

impl Scene {
    fn new(rules: Rules) -> Self {
        let conversation = fresh();
        Self { rules, conversation, works: true, now: 0, told: String::new(), next_id: 1 }
    }

    /// Does what is due up to a second, then moves on to it.
    fn until(&mut self, seconds: i64) {
        while let Some(due) = self.conversation.due.filter(|due| *due <= at(seconds)) {
            let now = due.max(at(self.now));
            self.now = now.as_secs() - NOON;
            if let Some(message) = take(&self.rules, &mut self.conversation, now, LEASE) {
                self.told += &format!("{}: ", self.now);
                for item in &message.items {
                    let model = item.event.event.key.model();
                    self.told += &format!("{} {model}, ", item.kind.as_str());
                }
                self.told += if self.works { "taken\n" } else { "refused\n" };
                let outcome = if self.works {
                    Outcome::Delivered
                } else {
                    Outcome::Failed { error: "busy".to_owned(), retry_after: None }
                };
                if settle(&self.rules, &mut self.conversation, outcome, now, 0.0)
                    .is_some_and(|d| !d.delivered)
                {
                    self.told += "given up\n";
                }
            }
        }
        self.now = seconds;
    }

    fn event(&mut self, seconds: i64, model: &str, up: bool) {
        self.until(seconds);
        let event = event(self.next_id, model, up, seconds);
        self.next_id += 1;
        hear(&self.rules, &mut self.conversation, &event, at(seconds));
        self.until(seconds);
    }

    fn down(&mut self, seconds: i64, model: &str) {
        self.event(seconds, model, false);
    }

    fn up(&mut self, seconds: i64, model: &str) {
        self.event(seconds, model, true);
    }

    #[expect(clippy::needless_pass_by_value, reason = "the macro makes a value")]
    fn check(&self, expected: Expect) {
        expected.assert_eq(&self.told);
    }
}

#[test]
fn the_first_event_is_told_at_once_and_others_within_thirty_seconds_together() {
    let mut scene = Scene::new(Rules::default());
    scene.down(0, "a");
    scene.down(5, "b");
    scene.up(12, "a");
    scene.down(100, "a");
    scene.until(1_000);
    scene.check(expect![[r#"
        0: DOWN a, taken
        30: DOWN b, UP a, taken
        100: DOWN a, taken
    "#]]);
    assert_eq!(scene.conversation.outages.len(), 2);
    assert_eq!(scene.conversation.due, None);
    scene.up(2_000, "a");
    scene.up(3_000, "b");
    scene.until(4_000);
    assert!(scene.conversation.is_over());
}

#[test]
fn short_outages_are_not_told() {
    let mut scene = Scene::new(Rules { min_down: minutes(5), ..Rules::default() });
    scene.down(0, "a");
    scene.up(299, "a");
    scene.down(1_000, "a");
    scene.up(1_300, "a");
    scene.down(2_000, "a");
    scene.up(4_000, "a");
    scene.until(9_000);
    scene.check(expect![[r#"
        1300: DOWN a, taken
        1330: UP a, taken
        2300: DOWN a, taken
        4000: UP a, taken
    "#]]);
}

#[test]
fn what_lasts_is_said_again() {
    let mut scene = Scene::new(Rules { repeat_every: Some(minutes(10)), ..Rules::default() });
    scene.down(0, "a");
    scene.until(1_900);
    scene.up(2_000, "a");
    scene.until(9_000);
    scene.check(expect![[r#"
        0: DOWN a, taken
        600: STILL_DOWN a, taken
        1200: STILL_DOWN a, taken
        1800: STILL_DOWN a, taken
        2000: UP a, taken
    "#]]);
}

#[test]
fn one_direction_alone() {
    let mut scene = Scene::new(Rules { up: false, ..Rules::default() });
    scene.down(0, "a");
    scene.up(100, "a");
    scene.down(200, "a");
    scene.check(expect![[r#"
        0: DOWN a, taken
        200: DOWN a, taken
    "#]]);
    let mut scene = Scene::new(Rules {
        down: false,
        min_down: minutes(5),
        repeat_every: Some(minutes(1)),
        ..Rules::default()
    });
    scene.down(0, "a");
    scene.up(100, "a");
    scene.down(200, "a");
    scene.up(800, "a");
    scene.until(9_000);
    scene.check(expect![[r#"
        800: UP a, taken
    "#]]);
}

#[test]
fn after_quiet_hours_only_what_is_still_relevant() {
    let mut scene = Scene::new(Rules { quiet_hours: Some(night()), ..Rules::default() });
    // 23:00 is 39,600 s after noon, 07:00 is 68,400.
    scene.down(39_000, "before");
    scene.down(39_590, "late");
    scene.down(40_000, "short");
    scene.up(41_000, "short");
    scene.up(42_000, "before");
    scene.down(43_000, "before");
    scene.down(44_000, "lasting");
    scene.up(44_010, "lasting");
    scene.down(44_020, "lasting");
    scene.until(70_000);
    scene.check(expect![[r#"
        39000: DOWN before, taken
        39590: DOWN late, taken
        68400: DOWN lasting, taken
    "#]]);
    scene.up(71_000, "before");
    scene.until(72_000);
    assert!(scene.told.ends_with("71000: UP before, taken\n"), "{}", scene.told);
}

#[test]
fn reminders_wait_for_the_morning() {
    let rules = Rules { quiet_hours: Some(night()), repeat_every: Some(minutes(240)), ..Rules::default() };
    let mut scene = Scene::new(rules);
    scene.down(36_000, "a");
    scene.until(80_000);
    scene.check(expect![[r#"
        36000: DOWN a, taken
        68400: STILL_DOWN a, taken
    "#]]);
}

#[test]
fn a_receiver_that_was_away_gets_what_is_still_relevant_once() {
    let mut scene = Scene::new(Rules::default());
    scene.works = false;
    scene.down(0, "ended");
    scene.up(3_000, "ended");
    scene.down(4_000, "lasting");
    scene.down(5_000, "short");
    scene.up(6_000, "short");
    scene.until(85_000);
    scene.told.clear();
    scene.works = true;
    scene.until(100_000);
    scene.check(expect![[r#"
        87915: UP ended, DOWN lasting, UP short, taken
    "#]]);
}

#[test]
fn a_message_is_given_up_after_a_day_and_the_end_is_told_all_the_same() {
    let mut scene = Scene::new(Rules::default());
    scene.works = false;
    scene.down(0, "a");
    scene.until(86_400);
    assert!(scene.told.ends_with("86400: DOWN a, refused\ngiven up\n"), "{}", scene.told);
    assert_eq!(scene.conversation.sending, None);
    scene.works = true;
    scene.told.clear();
    scene.up(90_000, "a");
    scene.until(100_000);
    scene.check(expect![[r#"
        90000: UP a, taken
    "#]]);
    assert!(scene.conversation.is_over());
}

#[test]
fn an_attempt_that_was_lost_is_made_again_under_the_same_key() {
    let rules = Rules::default();
    let mut conversation = fresh();
    hear(&rules, &mut conversation, &event(1, "a", false, 0), at(0));
    let first = take(&rules, &mut conversation, at(0), LEASE).expect("a message");
    assert_eq!(take(&rules, &mut conversation, at(24), LEASE), None, "under way");
    hear(&rules, &mut conversation, &event(2, "b", false, 10), at(10));
    assert_eq!(conversation.due, Some(at(25)));
    let again = take(&rules, &mut conversation, at(25), LEASE).expect("a message");
    assert_eq!((&again.key, &again.items, again.attempts), (&first.key, &first.items, 2));

    let mut found = conversation.clone();
    refresh(&rules, &mut found, true, at(26));
    assert_eq!(found.outages, [], "nobody watches it");
    assert_eq!(take(&rules, &mut found, at(26), LEASE).expect("a message").key, first.key);
}

#[test]
fn keys_differ_by_content() {
    let rules = Rules::default();
    let key = |event: &Event| {
        let mut conversation = fresh();
        hear(&rules, &mut conversation, event, at(1));
        take(&rules, &mut conversation, at(1), LEASE).expect("a message").key
    };
    let keys: BTreeSet<String> =
        [event(1, "a", false, 0), event(2, "a", false, 0), event(1, "a", true, 0), event(1, "a", false, 1)]
            .iter()
            .map(key)
            .collect();
    assert_eq!(keys.len(), 4);
}

#[test]
fn a_flood_is_bounded() {
    let rules = Rules { quiet_hours: Some(night()), ..Rules::default() };
    let mut conversation = fresh();
    for id in 0..10_000 {
        let model = format!("m{}", id % 5);
        hear(&rules, &mut conversation, &event(id, &model, (id / 5) % 2 == 1, 40_000), at(40_000));
        assert!(conversation.waiting.len() <= MAX_WAITING);
    }
}

/// What happens, for the property tests: which model flips, and how many seconds after the one before.
fn flips() -> impl Strategy<Value = Vec<(usize, i64)>> {
    let gap = prop_oneof![1i64..20, 20i64..90, 90i64..900];
    prop::collection::vec((0usize..3, gap), 0..40)
}

const MODELS: [&str; 3] = ["a", "b", ""];

/// An event and the time when it was heard, each at a millisecond of its own.
fn story(flips: &[(usize, i64)]) -> Vec<(Event, Timestamp)> {
    let (mut down, mut now) = ([false; 3], 0);
    let mut story = Vec::new();
    for (index, (model, gap)) in flips.iter().enumerate() {
        now += gap;
        down[*model] = !down[*model];
        let id = i64::try_from(index).expect("small") + 1;
        let heard = Timestamp::from_millis((NOON + now) * 1000 + id);
        story.push((event(id, MODELS[*model], !down[*model], now), heard));
    }
    story
}

/// What is to be told if the rules are read one after another: first which events and from when on, then in which
/// messages.
fn directly(story: &[(Event, Timestamp)], min_down: Duration) -> Vec<(Timestamp, BTreeSet<i64>)> {
    let mut ripe: Vec<(Timestamp, i64)> = Vec::new();
    for (index, (event, heard)) in story.iter().enumerate() {
        let same = |other: &&(Event, Timestamp)| other.0.event.key == event.event.key;
        let seen = Timestamp::from_secs(event.event.observed_at);
        let long = |down: &Event, up: &Event| {
            Timestamp::from_secs(up.event.observed_at).since(Timestamp::from_secs(down.event.observed_at))
                >= min_down
        };
        match event.event.kind {
            EventType::Down => {
                let up = story[index + 1..].iter().find(same);
                if up.is_none_or(|(up, _)| long(event, up)) {
                    ripe.push((seen.plus(min_down).max(*heard), event.id));
                }
            }
            EventType::Up => {
                let down = story[..index].iter().rfind(same).expect("it was down");
                if long(&down.0, event) {
                    ripe.push((*heard, event.id));
                }
            }
        }
    }
    ripe.sort_unstable();
    let mut messages: Vec<(Timestamp, BTreeSet<i64>)> = Vec::new();
    let mut ripe = ripe.into_iter().peekable();
    while let Some((first, id)) = ripe.next() {
        messages.push((first, BTreeSet::from([id])));
        let end = first.plus(COLLECT);
        let mut more = BTreeSet::new();
        while let Some((_, id)) = ripe.next_if(|(at, _)| *at <= end) {
            more.insert(id);
        }
        if !more.is_empty() {
            messages.push((end, more));
        }
    }
    messages
}

/// Does what is due up to a time with a receiver that takes everything.
fn deliver(
    rules: &Rules,
    conversation: &mut Conversation,
    until: Timestamp,
    told: &mut Vec<(Timestamp, BTreeSet<i64>)>,
) {
    while let Some(due) = conversation.due.filter(|due| *due <= until) {
        if let Some(message) = take(rules, conversation, due, LEASE) {
            told.push((due, message.items.iter().map(|item| item.event.id).collect()));
            settle(rules, conversation, Outcome::Delivered, due, 0.0);
        }
    }
}

proptest! {
    #[test]
    fn a_receiver_that_works_is_told_as_a_direct_reading_says(
        flips in flips(),
        min_down in prop::sample::select(vec![0u64, 7_500, 60_500, 300_500]),
    ) {
        let min_down = Duration::from_millis(min_down);
        let rules = Rules { min_down, ..Rules::default() };
        let story = story(&flips);
        let (mut conversation, mut told) = (fresh(), Vec::new());
        for (event, heard) in &story {
            deliver(&rules, &mut conversation, *heard, &mut told);
            hear(&rules, &mut conversation, event, *heard);
        }
        deliver(&rules, &mut conversation, at(1_000_000), &mut told);
        prop_assert_eq!(told, directly(&story, min_down));
    }

    /// Whatever a receiver does, and whatever it heard of messages that it seemed to refuse: in the end it believes what
    /// is true, it was left alone in quiet hours, and a key stands for one content.
    #[test]
    fn a_receiver_that_fails_knows_the_truth_in_the_end(
        flips in flips(),
        // What happens to each attempt: taken; refused; refused, but heard; never answered, but heard.
        fates in prop::collection::vec(0u8..4, 0..60),
        quiet in any::<bool>(),
        repeat in any::<bool>(),
        min_down in prop::sample::select(vec![0u64, 60, 300]),
        start in 0i64..86_400,
    ) {
        let rules = Rules {
            min_down: Duration::from_secs(min_down),
            quiet_hours: quiet.then(night),
            repeat_every: repeat.then(|| minutes(45)),
            ..Rules::default()
        };
        let mut flips = flips;
        if let Some(first) = flips.first_mut() {
            first.1 += start;
        }
        let story = story(&flips);
        let (mut conversation, mut fates) = (fresh(), fates.into_iter());
        let mut believes: BTreeMap<String, bool> = BTreeMap::new();
        let mut contents: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        let last = story.last().map_or_else(|| at(0), |(_, heard)| *heard).plus(Duration::from_hours(40));
        let ends = story.iter().map(|(event, heard)| (Some(event), *heard)).chain([(None, last)]);
        for (event, until) in ends {
            while let Some(due) = conversation.due.filter(|due| *due <= until) {
                let Some(message) = take(&rules, &mut conversation, due, LEASE) else {
                    prop_assert!(conversation.due > Some(due) || conversation.due.is_none(), "no way forward");
                    continue;
                };
                prop_assert_eq!(rules.quiet_until(due), None);
                let known = contents.entry(message.key.clone()).or_insert_with(|| message.items.clone());
                prop_assert_eq!(known, &message.items);
                let fate = fates.next().unwrap_or_default();
                if fate != 1 {
                    for item in &message.items {
                        let model = item.event.event.key.model().to_owned();
                        believes.insert(model, item.kind != ItemKind::Up);
                    }
                }
                match fate {
                    0 => drop(settle(&rules, &mut conversation, Outcome::Delivered, due, 0.3)),
                    3 => {}
                    _ => {
                        let outcome = Outcome::Failed { error: "no".to_owned(), retry_after: None };
                        settle(&rules, &mut conversation, outcome, due, 0.3);
                    }
                }
            }
            if let Some(event) = event {
                hear(&rules, &mut conversation, event, until);
            }
        }
        for model in MODELS {
            let truth = story.iter().rfind(|(event, _)| event.event.key.model() == model);
            let down = truth.is_some_and(|(event, _)| event.event.kind == EventType::Down);
            prop_assert_eq!(believes.get(model).copied().unwrap_or_default(), down, "{}", model);
        }
        if story.is_empty() {
            prop_assert!(conversation.is_over());
        }
    }
}
