//! Group commit: of the callers that wait, one writes for all.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// One caller's work, and where its answer goes.
pub(crate) struct Waiting<W, A> {
    pub work: W,
    answer: Arc<Mutex<Option<A>>>,
}

struct Queue<W, A> {
    waiting: Vec<Waiting<W, A>>,
    has_leader: bool,
}

/// The first caller that finds no leader becomes it, takes all that wait, and answers them.
pub(crate) struct CommitQueue<W, A> {
    queue: Mutex<Queue<W, A>>,
    done: Condvar,
}

impl<W, A> CommitQueue<W, A> {
    pub fn new() -> Self {
        Self {
            queue: Mutex::new(Queue {
                waiting: Vec::new(),
                has_leader: false,
            }),
            done: Condvar::new(),
        }
    }

    /// Hands in `work` and waits for its answer. `lead` gets a group, in order of arrival, and answers each.
    pub fn submit(&self, work: W, lead: impl Fn(Vec<W>) -> Vec<A>, failed: impl Fn() -> A) -> A {
        let answer = Arc::new(Mutex::new(None));
        let mut queue = self.queue.lock();
        queue.waiting.push(Waiting {
            work,
            answer: answer.clone(),
        });
        loop {
            if let Some(answer) = answer.lock().take() {
                return answer;
            }
            if queue.has_leader {
                self.done.wait(&mut queue);
                continue;
            }
            queue.has_leader = true;
            let group = std::mem::take(&mut queue.waiting);
            drop(queue);
            let (works, answers): (Vec<W>, Vec<_>) = group.into_iter().map(|w| (w.work, w.answer)).unzip();
            // A panic must not leave the others waiting for ever.
            let mut guard = LeaderGuard {
                queue: self,
                answers,
                failed: &failed,
            };
            let given = lead(works);
            for (slot, given) in guard.answers.drain(..).zip(given) {
                *slot.lock() = Some(given);
            }
            drop(guard);
            queue = self.queue.lock();
        }
    }
}

struct LeaderGuard<'a, W, A, F: Fn() -> A> {
    queue: &'a CommitQueue<W, A>,
    answers: Vec<Arc<Mutex<Option<A>>>>,
    failed: &'a F,
}

impl<W, A, F: Fn() -> A> Drop for LeaderGuard<'_, W, A, F> {
    fn drop(&mut self) {
        for answer in self.answers.drain(..) {
            *answer.lock() = Some((self.failed)());
        }
        self.queue.queue.lock().has_leader = false;
        self.queue.done.notify_all();
    }
}
