//! Runs a target on mutated inputs, watches time and memory, and reports what failed.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crate::MEMORY;
use crate::mutate::mutated;
use crate::random::Random;

const SEED: u64 = 1;
/// Of one input; generous, because machines are shared.
const TIME_MAX: Duration = Duration::from_secs(20);
/// As the threads that serve requests have; without optimisation frames are some times larger.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 8 << 20 } else { 2 << 20 };
/// Inputs with a new outcome join the corpus up to this many.
const CORPUS_MAX: usize = 3000;
const SHRINK_TIME: Duration = Duration::from_secs(5);

/// What a target reads: `head` (one line) says how, `body` is what is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub head: String,
    pub body: Vec<u8>,
}

impl Input {
    pub fn new(head: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            head: head.into(),
            body: body.into(),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), b"\n", &self.body].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let end = bytes.iter().position(|&b| b == b'\n').unwrap_or(bytes.len());
        Self::new(
            String::from_utf8_lossy(&bytes[..end]),
            bytes.get(end + 1..).unwrap_or_default(),
        )
    }
}

type Check = Box<dyn Fn(&Input) -> Result<String, String> + Send + Sync>;

pub struct Target {
    pub name: &'static str,
    pub seeds: Vec<Input>,
    /// Words and bytes worth putting in.
    pub dictionary: Vec<Vec<u8>>,
    pub bytes_max: usize,
    /// Tried however long it takes, so that what is seen does not hang on the machine.
    pub inputs: u64,
    /// What one input may take at a time.
    pub memory_max: usize,
    /// What became of an input: `ok…` when it was accepted, otherwise the refusal; numbers in it do not matter. The
    /// error is a broken promise.
    pub check: Check,
}

pub struct Failure {
    pub report: String,
    pub input: Input,
}

/// Panics with a report when an input fails.
pub fn run(target: Target) {
    let name = target.name;
    if let Err(failure) = search(target) {
        let folder = found_folder(name);
        let file = folder.join(format!(
            "{:016x}",
            engine_codec::hash64(&failure.input.to_bytes())
        ));
        let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, failure.input.to_bytes()));
        let kept = match kept {
            Ok(()) => format!("kept as {}", file.display()),
            Err(error) => format!("cannot be kept as {}: {error}", file.display()),
        };
        panic!("{}{kept}", failure.report);
    }
}

/// For tests of the harness: nothing is kept.
pub fn first_failure(target: Target) -> Option<Failure> {
    search(target).err()
}

fn found_folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/found")).join(name)
}

struct Running {
    since: Instant,
    about: String,
    input: Input,
}

struct Search {
    target: Target,
    seed: u64,
    seconds: u64,
    /// The input that runs now.
    running: Mutex<Option<Running>>,
}

fn search(target: Target) -> Result<(), Failure> {
    // Time and memory are of one target: the others wait.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let number = |name, default| {
        std::env::var(name)
            .ok()
            .and_then(|v| v.parse().ok())
            .unwrap_or(default)
    };
    let itself = target.name == "itself";
    let search = Arc::new(Search {
        seed: number("GRANARY_FUZZ_SEED", SEED),
        seconds: if itself {
            0
        } else {
            number("GRANARY_FUZZ_SECONDS", 0)
        },
        running: Mutex::new(None),
        target,
    });
    let time_max = if itself {
        Duration::from_millis(500)
    } else {
        TIME_MAX
    };
    let (done, outcome) = mpsc::channel();
    let worker = Arc::clone(&search);
    let spawned = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // The other end is gone when an input took too long.
            let _ = done.send(catch_unwind(AssertUnwindSafe(|| worker.all())));
        });
    let _detached = spawned.expect("a thread can be started");
    loop {
        match outcome.recv_timeout(Duration::from_millis(50)) {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(RecvTimeoutError::Disconnected) => panic!("the fuzzing thread is gone"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let running = search.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Running { since, about, input }) = &*running
            && since.elapsed() > time_max
        {
            let problem = format!("has not ended after {time_max:?}");
            return Err(search.failure(about, &problem, input.clone()));
        }
    }
}

impl Search {
    fn all(&self) -> Result<(), Failure> {
        catch_messages();
        let name = self.target.name;
        let mut current = current_file(name);
        for (file, input) in found(name) {
            self.one(&format!("found earlier, {file}"), &input, &mut current)?;
        }
        let mut outcomes = HashSet::new();
        let mut corpus = Vec::new();
        for (n, seed) in self.target.seeds.iter().enumerate() {
            outcomes.insert(self.one(&format!("seed {n}, not changed"), seed, &mut current)?);
            corpus.push(seed.clone());
        }
        assert!(!corpus.is_empty(), "{name}: no seeds");
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let (mut iteration, mut accepted) = (0, 0_u64);
        while iteration < self.target.inputs || Instant::now() < end {
            let mut random = Random::new(self.seed, iteration);
            let target = &self.target;
            let input = mutated(
                &corpus,
                target.seeds.len(),
                &target.dictionary,
                target.bytes_max,
                &mut random,
            );
            let about = format!("iteration {iteration} of GRANARY_FUZZ_SEED={}", self.seed);
            let outcome = self.one(&about, &input, &mut current)?;
            accepted += u64::from(outcome.starts_with("ok"));
            if corpus.len() < CORPUS_MAX && outcomes.insert(outcome) {
                corpus.push(input);
            }
            iteration += 1;
        }
        println!(
            "{name}: {iteration} inputs, {accepted} accepted, {} outcomes",
            outcomes.len()
        );
        assert!(
            accepted > 0 && accepted < iteration,
            "{name}: {accepted} of {iteration} inputs were accepted: nothing is tested"
        );
        Ok(())
    }

    /// What became of the input, without numbers.
    fn one(&self, about: &str, input: &Input, current: &mut Option<File>) -> Result<String, Failure> {
        if let Some(file) = current {
            // A stack that overflows leaves nothing but this file; that it cannot be written is no failure.
            let _ = file
                .rewind()
                .and_then(|()| file.set_len(0))
                .and_then(|()| file.write_all(&input.to_bytes()));
        }
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running {
            since: Instant::now(),
            about: about.to_owned(),
            input: input.clone(),
        });
        let verdict = self.verdict(input);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match verdict {
            Ok(outcome) => Ok(without_details(&outcome)),
            Err(problem) => {
                let small = self.shrunk(input);
                let problem = self.verdict(&small).err().unwrap_or(problem);
                Err(self.failure(about, &problem, small))
            }
        }
    }

    fn verdict(&self, input: &Input) -> Result<String, String> {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let result = catch_unwind(AssertUnwindSafe(|| (self.target.check)(input)));
        let used = MEMORY.peak_usage().saturating_sub(before);
        match result {
            Err(panic) => Err(message(panic.as_ref())),
            Ok(_) if used > self.target.memory_max => Err(format!("took {used} bytes of memory")),
            Ok(result) => result,
        }
    }

    /// Drops and blanks pieces as long as it still fails.
    fn shrunk(&self, input: &Input) -> Input {
        let end = Instant::now() + SHRINK_TIME;
        let mut small = input.clone();
        let mut piece = small.body.len().div_ceil(2);
        while piece > 0 && Instant::now() < end {
            let mut at = 0;
            let mut removed = false;
            while at < small.body.len() && Instant::now() < end {
                let mut candidate = small.clone();
                candidate.body.drain(at..(at + piece).min(small.body.len()));
                if self.verdict(&candidate).is_err() {
                    small = candidate;
                    removed = true;
                } else {
                    at += piece;
                }
            }
            if !removed || piece > 1 {
                piece /= 2;
            }
        }
        small
    }

    fn failure(&self, about: &str, problem: &str, input: Input) -> Failure {
        let mut report = format!(
            "{}: {about}\n  {problem}\n  head: {:?}\n  body: {} bytes\n",
            self.target.name,
            input.head,
            input.body.len()
        );
        for (line, bytes) in input.body.chunks(16).take(256).enumerate() {
            let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
            let text: String = bytes
                .iter()
                .map(|&b| {
                    if b == b' ' || b.is_ascii_graphic() {
                        b as char
                    } else {
                        '.'
                    }
                })
                .collect();
            let _ = writeln!(report, "    {:06x}  {:<47}  {text}", line * 16, hex.join(" "));
        }
        Failure { report, input }
    }
}

/// Without numbers and quoted things, so that equal refusals of different inputs are one outcome.
fn without_details(outcome: &str) -> String {
    let unquoted: String = outcome.split(['`', '\'', '"']).step_by(2).collect();
    let plain = |word: &&str| {
        word.chars()
            .all(|c| c.is_ascii_alphabetic() || ",.:-".contains(c))
    };
    let words: Vec<&str> = unquoted.split_whitespace().filter(plain).take(16).collect();
    words.join(" ")
}

/// The files in the folder of found inputs, by name.
fn found(name: &str) -> Vec<(String, Input)> {
    let Ok(entries) = fs::read_dir(found_folder(name)) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let bytes = fs::read(&file).expect("a found input is readable");
            (file.display().to_string(), Input::from_bytes(&bytes))
        })
        .collect()
}

fn current_file(name: &str) -> Option<File> {
    File::create(format!("{}/fuzz-{name}-current", env!("CARGO_TARGET_TMPDIR"))).ok()
}

thread_local! {
    /// The last panic of this thread with its place; `None`: panics are printed as usual.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics of this thread are remembered and not printed.
fn catch_messages() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let caught = PANIC.with_borrow_mut(|last| last.as_mut().map(|last| *last = info.to_string()));
            if caught.is_none() {
                usual(info);
            }
        }));
    });
    PANIC.set(Some(String::new()));
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default();
    let placed = PANIC.with_borrow(|last| last.clone()).unwrap_or_default();
    if placed.is_empty() {
        format!("panicked: {text}")
    } else {
        placed
    }
}
