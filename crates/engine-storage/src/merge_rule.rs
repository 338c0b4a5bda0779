//! What remains of rows with equal sorting keys: the rules of the MergeTree family, as a small state machine.

use engine_types::{Block, Value};

use crate::table_def::MergeRule;

/// Whether deleted and cancelled rows that merges keep are hidden, as reading with `FINAL` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleMode {
    Merge,
    Final,
}

/// A rule with column numbers of the blocks that are merged.
pub(crate) struct GroupRule<R> {
    rule: MergeRule,
    mode: RuleMode,
    state: GroupState<R>,
}

struct GroupState<R> {
    rows: u64,
    best: Option<(R, Value, bool)>,
    first_negative: Option<R>,
    last_positive: Option<R>,
    positives: u64,
    negatives: u64,
    last_is_positive: bool,
    /// Rows of one sign that nothing has cancelled yet.
    open: Vec<R>,
}

impl<R> Default for GroupState<R> {
    fn default() -> Self {
        Self {
            rows: 0,
            best: None,
            first_negative: None,
            last_positive: None,
            positives: 0,
            negatives: 0,
            last_is_positive: false,
            open: Vec::new(),
        }
    }
}

impl<R: Clone> GroupRule<R> {
    pub fn new(rule: MergeRule, mode: RuleMode) -> Self {
        Self {
            rule,
            mode,
            state: GroupState::default(),
        }
    }

    /// Takes the next row of the group, in insertion order; `Some` when it is kept at once.
    pub fn row(&mut self, block: &Block, row: usize, reference: R) -> Option<R> {
        match self.rule {
            MergeRule::Plain | MergeRule::Folding => return Some(reference),
            MergeRule::Replacing { version, is_deleted } => {
                let version = version.map_or(Value::Null, |v| block.column(v).value(row));
                if self
                    .state
                    .best
                    .as_ref()
                    .is_none_or(|(_, best, _)| version >= *best)
                {
                    let deleted = is_deleted.is_some_and(|d| block.column(d).value(row) != Value::UInt(0));
                    self.state.best = Some((reference, version, deleted));
                }
            }
            MergeRule::Collapsing { sign } => {
                let state = &mut self.state;
                if block.column(sign).value(row) > Value::Int(0) {
                    state.positives += 1;
                    state.last_is_positive = true;
                    state.last_positive = Some(reference);
                } else {
                    state.negatives += 1;
                    state.last_is_positive = false;
                    state.first_negative.get_or_insert(reference);
                }
            }
            MergeRule::VersionedCollapsing { sign } => {
                let state = &mut self.state;
                let is_positive = block.column(sign).value(row) > Value::Int(0);
                if state.open.is_empty() || state.last_is_positive == is_positive {
                    state.last_is_positive = is_positive;
                    state.open.push(reference);
                } else {
                    state.open.pop();
                }
            }
        }
        self.state.rows += 1;
        None
    }

    /// Ends the group; answers what remains of it.
    pub fn end(&mut self) -> Vec<R> {
        let state = std::mem::take(&mut self.state);
        match self.rule {
            MergeRule::Plain | MergeRule::Folding => Vec::new(),
            MergeRule::VersionedCollapsing { .. } => state.open,
            MergeRule::Replacing { .. } => {
                let hide = |deleted: bool| deleted && self.mode == RuleMode::Final;
                let best = state.best.filter(|(_, _, deleted)| !hide(*deleted));
                best.map(|(r, ..)| r).into_iter().collect()
            }
            MergeRule::Collapsing { .. } => {
                let (positives, negatives) = (state.positives, state.negatives);
                if positives.abs_diff(negatives) > 1 {
                    tracing::warn!(positives, negatives, "rows of one sorting key do not cancel");
                }
                // Equal counts that end in -1 cancel wholly.
                if positives == negatives && !state.last_is_positive {
                    return Vec::new();
                }
                let negative = state
                    .first_negative
                    .filter(|_| positives <= negatives && self.mode == RuleMode::Merge);
                let positive = state.last_positive.filter(|_| positives >= negatives);
                negative.into_iter().chain(positive).collect()
            }
        }
    }

    /// Rows that the open group may still answer.
    pub fn held(&self) -> impl Iterator<Item = &R> {
        let state = &self.state;
        let best = state.best.as_ref().map(|(row, ..)| row);
        best.into_iter()
            .chain(&state.first_negative)
            .chain(&state.last_positive)
            .chain(&state.open)
    }

    pub fn is_plain(&self) -> bool {
        matches!(self.rule, MergeRule::Plain | MergeRule::Folding)
    }
}
