//! The insert tokens that were seen last: a repeat of one is not inserted again.

use std::collections::{HashSet, VecDeque};

/// Oldest first, bounded.
#[derive(Debug, Default)]
pub(crate) struct TokenWindow {
    order: VecDeque<String>,
    seen: HashSet<String>,
    max: usize,
    /// Whether tokens came since the manifest last got them all.
    pub changed: bool,
}

impl TokenWindow {
    pub fn new(max: usize, tokens: impl IntoIterator<Item = String>) -> Self {
        let mut window = Self {
            max,
            ..Self::default()
        };
        for token in tokens {
            window.insert(token);
        }
        window.changed = false;
        window
    }

    pub fn contains(&self, token: &str) -> bool {
        self.seen.contains(token)
    }

    pub fn insert(&mut self, token: String) {
        if !self.seen.insert(token.clone()) {
            return;
        }
        self.changed = true;
        self.order.push_back(token);
        while self.order.len() > self.max {
            if let Some(oldest) = self.order.pop_front() {
                self.seen.remove(&oldest);
            }
        }
    }

    pub fn to_vec(&self) -> Vec<String> {
        self.order.iter().cloned().collect()
    }
}
