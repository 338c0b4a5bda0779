//! However a sequence is cut into steps, retried, failed and restarted, the same is stored.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Failure, Stored};

const IDS: [&str; 7] = ["a", "b", "c", "d", "e", "guest", "f"];

fn properties() -> impl Strategy<Value = Value> {
    let number = 0..3i32;
    prop_oneof![
        3 => Just(json!({})),
        2 => number.clone().prop_map(|n| json!({"$set": {"s": n}})),
        1 => number.clone().prop_map(|n| json!({"$set_once": {"o": n, "s": n}})),
        1 => Just(json!({"$unset": ["s"]})),
        1 => number.clone().prop_map(|n| json!({"$browser": n, "utm_source": n})),
        1 => Just(json!({"$process_person_profile": false})),
        1 => number.prop_map(|n| json!({"$groups": {format!("type {n}"): format!("key {n}")}})),
    ]
}

fn any_event() -> impl Strategy<Value = (&'static str, usize, usize, Value)> {
    let name = prop_oneof![
        4 => Just("seen"),
        3 => Just("$identify"),
        2 => Just("$create_alias"),
        1 => Just("$merge_dangerously"),
        1 => Just("$groupidentify"),
        1 => Just("$exception"),
    ];
    (name, 0..IDS.len(), 0..IDS.len(), properties())
}

fn sequence() -> impl Strategy<Value = Vec<CapturedEvent>> {
    prop::collection::vec(any_event(), 1..40).prop_map(|events| {
        let make = |(number, (name, id, other, mut properties)): (usize, (&str, usize, usize, Value))| {
            match name {
                "$identify" => properties["$anon_distinct_id"] = json!(IDS[other]),
                "$create_alias" | "$merge_dangerously" => properties["alias"] = json!(IDS[other]),
                "$groupidentify" => {
                    properties["$group_type"] = json!("type 1");
                    properties["$group_key"] = json!(IDS[other]);
                    properties["$group_set"] = json!({"n": number});
                }
                _ => {}
            }
            event(number as u128, name, IDS[id], properties)
        };
        events.into_iter().enumerate().map(make).collect()
    })
}

/// What happens to one cut of the sequence on its way.
#[derive(Clone, Debug)]
enum Way {
    Smooth,
    /// A request that went well is sent again.
    Twice,
    Fails(Failure),
    /// The process is restarted first.
    Restart,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        4 => Just(Way::Smooth),
        2 => Just(Way::Twice),
        1 => Just(Way::Fails(Failure::Before)),
        2 => Just(Way::Fails(Failure::After)),
        1 => Just(Way::Restart),
    ]
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

async fn one_by_one(events: &[CapturedEvent]) -> Stored {
    let world = World::new();
    for event in events {
        world.send([event.clone()]).await;
    }
    world.store.stored()
}

async fn roughly(events: &[CapturedEvent], cuts: &[(usize, Way)], cache_max: usize) -> Stored {
    let mut world = World::with(IngestConfig {
        cached_ids_max: cache_max,
        ..IngestConfig::default()
    });
    let mut rest = events;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let (length, way) = cuts.next().unwrap();
        let (cut, later) = rest.split_at((*length).min(rest.len()));
        rest = later;
        match way {
            Way::Smooth => {}
            Way::Twice => {
                world.send(cut.to_vec()).await;
            }
            Way::Fails(failure) => {
                world.store.fail_next(*failure);
                world.ingest.submit(cut.to_vec(), Vec::new()).await.unwrap_err();
            }
            Way::Restart => world = world.restarted(),
        }
        world.send(cut.to_vec()).await;
    }
    world.store.stored()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn cuts_retries_failures_and_restarts_change_nothing(
        events in sequence(),
        cuts in prop::collection::vec((1usize..12, way()), 1..8),
        cache_max in prop_oneof![Just(0usize), Just(3), Just(1000)],
    ) {
        let calm = run(one_by_one(&events));
        let rough = run(roughly(&events, &cuts, cache_max));
        prop_assert_eq!(&calm.events, &rough.events);
        prop_assert_eq!(&calm.persons, &rough.persons);
        prop_assert_eq!(&calm.distinct_ids, &rough.distinct_ids);
        prop_assert_eq!(&calm.groups, &rough.groups);
    }

    /// Every distinct id of a person event leads to a person that lives.
    #[test]
    fn mappings_lead_to_living_persons(events in sequence()) {
        let stored = run(one_by_one(&events));
        for mapping in stored.distinct_ids.values() {
            prop_assert!(!stored.persons[&(PROJECT, mapping.person_id)].is_deleted);
        }
    }
}
