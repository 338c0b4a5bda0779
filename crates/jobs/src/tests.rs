//! The order in which cohorts are calculated.

use chrono::{DateTime, TimeDelta, Utc};
use model::{CohortId, ProjectId};

use crate::queue::{Key, Queue};

fn key(id: i64) -> Key {
    (ProjectId(1), CohortId(id))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

#[test]
fn a_cohort_waits_once_and_is_worked_on_by_one() {
    let mut queue = Queue::default();
    for id in [1, 2, 1] {
        queue.push(key(id));
    }
    assert_eq!(queue.take(at(0)), Some(key(1)));
    // Asked for again while it is being calculated: once more, but not at the same time.
    queue.push(key(1));
    assert_eq!(queue.take(at(1)), Some(key(2)));
    assert_eq!(queue.take(at(2)), None);
    queue.done(key(1));
    assert!(queue.is_busy(key(1)));
    assert_eq!(queue.take(at(3)), Some(key(1)));
    queue.done(key(1));
    queue.done(key(2));
    assert!(!queue.is_busy(key(1)) && !queue.is_busy(key(2)));
}

#[test]
fn what_was_begun_is_remembered() {
    let mut queue = Queue::default();
    queue.push(key(1));
    assert!(!queue.begun_since(key(1), at(0)));
    queue.take(at(5));
    queue.done(key(1));
    assert!(queue.begun_since(key(1), at(5)));
    assert!(!queue.begun_since(key(1), at(6)));
}
