//! Which cohorts are being expanded into what they say, so that a circle is found and the whole stays within bounds.

use model::CohortId;

use crate::field_error::FieldError;

/// Cohorts in one request, each as often as it is named directly or through others. (Twice in every one of a chain of
/// thirty is a billion times.)
const COHORTS_MAX: usize = 1_000;

#[derive(Clone, Debug, Default)]
pub(crate) struct Expansion {
    path: Vec<CohortId>,
    entered: usize,
}

impl Expansion {
    /// Within the definition of a cohort.
    pub(crate) fn within(id: CohortId) -> Self {
        Self {
            path: vec![id],
            entered: 1,
        }
    }

    /// Begins with a cohort that `attr` names. [`Expansion::leave`] ends it.
    pub(crate) fn enter(&mut self, id: CohortId, attr: &str) -> Result<(), FieldError> {
        if self.path.contains(&id) {
            return Err(FieldError::invalid(
                attr,
                format!("Cohort {} is part of its own definition.", id.0),
            ));
        }
        if self.entered == COHORTS_MAX {
            return Err(FieldError::invalid(
                attr,
                format!(
                    "Filters can take in {COHORTS_MAX} cohorts at most, those of their cohorts included."
                ),
            ));
        }
        self.path.push(id);
        self.entered += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }
}
