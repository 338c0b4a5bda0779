//! Bounded mutation fuzzing of everything that reads bytes of others: requests, parts, logs, SQL, queries.
//!
//! Each target runs a fixed number of inputs, the same ones for the same `GRANARY_FUZZ_SEED` (1), and goes on until
//! `GRANARY_FUZZ_SECONDS` (0) are over. An input that failed is made small, printed, and kept in `fuzz/found/<target>/`, which is replayed first.

#[path = "fuzz/capture.rs"]
mod capture_requests;
#[path = "fuzz/harness.rs"]
mod harness;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/queries.rs"]
mod queries;
#[path = "fuzz/random.rs"]
mod random;
#[path = "fuzz/sql.rs"]
mod sql;
#[path = "fuzz/storage.rs"]
mod storage;

#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

#[test]
fn capture_bodies() {
    harness::run(capture_requests::target());
}

#[test]
fn parts() {
    harness::run(storage::parts());
}

#[test]
fn logs() {
    harness::run(storage::logs());
}

#[test]
fn sql_text() {
    harness::run(sql::target());
}

#[test]
fn answers() {
    harness::run(queries::target());
}

mod of_the_harness_itself {
    use crate::harness::{self, Input, Target};

    fn failing(check: fn(&[u8])) -> String {
        let target = Target {
            name: "itself",
            seeds: vec![Input::new("", *b"some text"), Input::new("", *b"(1, 2)")],
            dictionary: vec![b"boom".to_vec()],
            bytes_max: 1000,
            inputs: 2000,
            memory_max: 1 << 20,
            check: Box::new(move |input| {
                check(&input.body);
                Ok("ok".to_owned())
            }),
        };
        harness::first_failure(target).expect("a failure is found").report
    }

    #[test]
    fn finds_a_panic_and_makes_its_input_small() {
        let report = failing(|body| assert!(!body.windows(4).any(|w| w == b"boom"), "there it is"));
        assert!(report.contains("there it is"), "{report}");
        assert!(report.contains("62 6f 6f 6d"), "{report}");
        assert!(report.contains("4 bytes"), "{report}");
    }

    #[test]
    fn finds_a_large_allocation() {
        let report = failing(|body| {
            if body.starts_with(b"boom") {
                std::hint::black_box(vec![1_u8; 2 << 20]);
            }
        });
        assert!(report.contains("bytes of memory"), "{report}");
    }

    #[test]
    fn finds_an_endless_loop() {
        let report = failing(|body| {
            if body.starts_with(b"boom") {
                std::thread::sleep(std::time::Duration::from_secs(3600));
            }
        });
        assert!(report.contains("has not ended"), "{report}");
    }
}
