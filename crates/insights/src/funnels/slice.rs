//! What part of a funnel's actors some numbers are about.

use serde_json::{Map, Value, json};

use super::selection::{OTHER, group_parameters, member_parameters, member_value};
use crate::resolved::FunnelGroup;
use crate::trends::breakdown::Member;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Slice {
    /// The funnel is not broken down.
    Whole,
    Group {
        group: FunnelGroup,
        /// A single text rather than a list of one.
        bare: bool,
    },
    Member(Member),
}

impl Slice {
    /// `breakdown` and `breakdown_value`, into an answer.
    pub(super) fn name(&self, answer: &mut Map<String, Value>) {
        let (name, value) = match self {
            Self::Whole => return,
            Self::Group { group, bare } => {
                let value = match group {
                    FunnelGroup::Other if *bare => json!(OTHER),
                    FunnelGroup::Other => json!([OTHER]),
                    FunnelGroup::Value(values) => match values.as_slice() {
                        [single] if *bare => json!(single),
                        values => json!(values),
                    },
                };
                (value.clone(), value)
            }
            Self::Member(member) => {
                let name = match member {
                    Member::Cohort { name, .. } => json!(name),
                    Member::AllUsers => json!("all users"),
                };
                (name, member_value(member))
            }
        };
        answer.insert("breakdown".to_owned(), name);
        answer.insert("breakdown_value".to_owned(), value);
    }

    /// What a path to its actors says.
    pub(super) fn parameters(&self) -> Vec<(String, Value)> {
        match self {
            Self::Whole => Vec::new(),
            Self::Group { group, .. } => group_parameters(group),
            Self::Member(member) => member_parameters(member),
        }
    }
}
