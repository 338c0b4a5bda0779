//! Files, statements, and what is planned from a history.

use super::*;

#[test]
fn the_list_is_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/columnar");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .filter(|name| name != "final.sql")
        .collect();
    names.sort();
    let listed: Vec<_> = MIGRATIONS
        .iter()
        .map(|file| format!("{}.sql", file.name))
        .collect();
    assert_eq!(listed, names);
    for (i, file) in MIGRATIONS.iter().enumerate() {
        assert_eq!(file.number() as usize, i + 1, "{}", file.name);
        assert!(cost(file).is_ok(), "{}", file.name);
        assert!(file.sql.starts_with("-- Why: "), "{}", file.name);
        assert!(!statements(file.sql).is_empty(), "{}", file.name);
    }
    assert!(
        MIGRATIONS
            .iter()
            .any(|file| cost(file).is_ok_and(|cost| cost == Cost::Expensive))
    );
}

#[test]
fn statements_end_at_semicolons_outside_of_quotes() {
    let sql = "-- why; not a statement\nSELECT ';', `a;b`, 'it\\'s;' -- tail ' quote\n;;\nSELECT 2;\n";
    assert_eq!(statements(sql), ["SELECT ';', `a;b`, 'it\\'s;'", "SELECT 2"]);
    assert_eq!(checksum("SELECT 1; -- a"), checksum("-- b\nSELECT 1"));
    assert_ne!(checksum("SELECT 1"), checksum("SELECT 2"));
}

fn history(done: &[(&'static str, State)], begun: &[&str]) -> History {
    let mut history = History::default();
    for (name, state) in done {
        let sql = MIGRATIONS
            .iter()
            .find(|file| file.name == *name)
            .map_or("", |file| file.sql);
        history.done.insert(
            (*name).to_owned(),
            Done {
                state: *state,
                checksum: checksum(sql),
            },
        );
    }
    for name in begun {
        history.steps.insert((*name).to_owned(), 0);
    }
    history
}

fn actions(history: &History, options: RunOptions) -> Vec<Action> {
    let steps = steps(history, MIGRATIONS, options).expect("a plan");
    steps.into_iter().map(|step| step.action).collect()
}

#[test]
fn a_fresh_store_runs_all_or_takes_the_final_shape() {
    let fresh = history(&[], &[]);
    assert!(
        actions(&fresh, RunOptions::default())
            .iter()
            .all(|action| *action == Action::Run)
    );

    let initial = RunOptions {
        initial: true,
        ..RunOptions::default()
    };
    let planned = steps(&fresh, MIGRATIONS, initial).expect("a plan");
    for step in planned {
        let state = match step.cost {
            Cost::Plain => State::Applied,
            Cost::Expensive => State::Skipped,
        };
        assert_eq!(step.action, Action::Shape(state), "{}", step.name);
    }
}

#[test]
fn an_existing_store_skips_nothing() {
    let existing = history(&[("0001_events", State::Applied)], &["0001_events"]);
    let initial = RunOptions {
        initial: true,
        ..RunOptions::default()
    };
    let actions = actions(&existing, initial);
    assert_eq!(actions[0], Action::Done(State::Applied));
    assert!(actions[1..].iter().all(|action| *action == Action::Run));
}

#[test]
fn an_interrupted_final_shape_is_completed() {
    let interrupted = history(&[("0001_events", State::Applied)], &["final"]);
    let actions = actions(&interrupted, RunOptions::default());
    assert!(
        actions[1..]
            .iter()
            .all(|action| matches!(action, Action::Shape(_)))
    );

    let mut ended = history(
        &[("0001_events", State::Applied), ("final", State::Applied)],
        &["final"],
    );
    ended.done.remove("0002_person");
    let later = RunOptions {
        initial: true,
        ..RunOptions::default()
    };
    assert_eq!(
        super::steps(&ended, MIGRATIONS, later).expect("a plan")[1].action,
        Action::Run
    );
}

#[test]
fn upto_and_fake() {
    let fresh = history(&[], &[]);
    let options = RunOptions {
        upto: Some(3),
        fake: true,
        initial: false,
    };
    assert_eq!(actions(&fresh, options), [Action::Fake; 3]);
}

#[test]
fn a_changed_file_is_refused() {
    let mut changed = history(&[("0001_events", State::Applied)], &[]);
    changed.done.insert(
        "0002_person".to_owned(),
        Done {
            state: State::Applied,
            checksum: "other".to_owned(),
        },
    );
    let error = steps(&changed, MIGRATIONS, RunOptions::default()).expect_err("is refused");
    assert!(error.to_string().contains("0002_person"), "{error}");
}
