//! Which insight a request asks for.

use crate::field_error::FieldError;
use crate::request::{Request, field};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Insight {
    Trends,
    Funnels,
    Retention,
    Paths,
    Lifecycle,
    Stickiness,
    Sessions,
}

/// From `insight`, and the older switch `shown_as` (Volume, Stickiness, Lifecycle), which wins over it; case is of no
/// matter. Trends when neither says anything.
pub fn which(request: &Request) -> Result<Insight, FieldError> {
    let lowered = |key: &str| -> Result<Option<String>, FieldError> {
        Ok(field::text(request, key, key)?.map(|text| text.to_ascii_lowercase()))
    };
    let insight = match lowered("insight")?.as_deref() {
        None | Some("trends") => Insight::Trends,
        Some("funnels") => Insight::Funnels,
        Some("retention") => Insight::Retention,
        Some("paths") => Insight::Paths,
        Some("lifecycle") => Insight::Lifecycle,
        Some("stickiness") => Insight::Stickiness,
        Some("sessions") => Insight::Sessions,
        Some(other) => {
            return Err(FieldError::invalid(
                "insight",
                format!("There is no insight {other:?}."),
            ));
        }
    };
    match lowered("shown_as")?.as_deref() {
        None | Some("volume") => Ok(insight),
        Some("stickiness") => Ok(Insight::Stickiness),
        Some("lifecycle") => Ok(Insight::Lifecycle),
        Some(other) => Err(FieldError::invalid(
            "shown_as",
            format!("`shown_as` must be Volume, Stickiness or Lifecycle, not {other:?}."),
        )),
    }
}

/// As [`which`], where only the insights that draw a series for each entity can be meant: trends unless the request asks for
/// lifecycle or stickiness.
pub fn which_of_series(request: &Request) -> Result<Insight, FieldError> {
    Ok(match which(request)? {
        insight @ (Insight::Lifecycle | Insight::Stickiness) => insight,
        Insight::Trends | Insight::Funnels | Insight::Retention | Insight::Paths | Insight::Sessions => {
            Insight::Trends
        }
    })
}
