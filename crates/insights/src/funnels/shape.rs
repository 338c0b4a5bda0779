//! The answer to a funnel request, from a store's answers.

mod steps;
mod times;
mod trends;

use serde_json::Value;

use super::plan::{Answer, Shown, Split};
use super::slice::Slice;
use super::view::View;
use crate::resolved::FunnelGroup;

pub(super) fn result(shown: &Shown, answers: &[Answer]) -> Value {
    match shown.view {
        View::Steps => steps::result(shown, answers),
        View::Trends(_) => trends::result(shown, answers),
        View::Times { bins, .. } => times::result(bins, answers),
    }
}

impl Shown {
    /// What the rows of this group in the answer of this index are about.
    fn slice(&self, index: usize, group: Option<&FunnelGroup>) -> Slice {
        match (&self.split, group) {
            (Split::Groups { bare }, Some(group)) => Slice::Group {
                group: group.clone(),
                bare: *bare,
            },
            (Split::Members(members), _) => match members.get(index) {
                Some(member) => Slice::Member(member.clone()),
                None => Slice::Whole,
            },
            (Split::Whole, _) | (Split::Groups { .. }, None) => Slice::Whole,
        }
    }
}
