//! How a trend is drawn, as far as its numbers depend on it.

use crate::field_error::FieldError;
use crate::request::{Request, field};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Display {
    /// One number a tick.
    Series,
    /// Running sums of the ticks; actors count where they are first seen.
    Cumulative,
    /// One number for the whole range.
    Single,
    /// One number for the whole range, for more countries than other breakdowns have values.
    WorldMap,
}

impl Display {
    pub(crate) fn read(request: &Request) -> Result<Self, FieldError> {
        match field::text(request, "display", "display")?.as_deref() {
            None
            | Some("ActionsLineGraph" | "ActionsBar" | "ActionsAreaGraph" | "ActionsLineGraphLinear") => {
                Ok(Self::Series)
            }
            Some("ActionsLineGraphCumulative") => Ok(Self::Cumulative),
            Some("ActionsTable" | "ActionsPie" | "ActionsBarValue" | "BoldNumber") => Ok(Self::Single),
            Some("WorldMap") => Ok(Self::WorldMap),
            Some(other) => Err(FieldError::invalid(
                "display",
                format!("Trends cannot be shown as {other:?}."),
            )),
        }
    }

    pub(crate) fn is_single(self) -> bool {
        match self {
            Self::Single | Self::WorldMap => true,
            Self::Series | Self::Cumulative => false,
        }
    }
}
