//! How much of a table SAMPLE takes, as an exact fraction: the same rows on every machine.

use engine_types::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleShare {
    numerator: u128,
    denominator: u128,
}

impl SampleShare {
    pub(super) const NOTHING: Self = Self {
        numerator: 0,
        denominator: 1,
    };
    const ALL: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// Up to 1 a share; more than 1 a number of rows, of `total_rows`.
    pub(super) fn of(value: &Value, total_rows: u64) -> Option<Self> {
        let share = match value {
            Value::UInt(rows) => Self {
                numerator: u128::from(*rows),
                denominator: 1,
            },
            Value::Float(share) if share.is_finite() && *share >= 0.0 => Self::decimal(&format!("{share}"))?,
            _ => return None,
        };
        if share.numerator <= share.denominator {
            return Some(share);
        }
        let rows = Self {
            denominator: share.denominator.checked_mul(u128::from(total_rows.max(1)))?,
            ..share
        };
        Some(if rows.numerator >= rows.denominator {
            Self::ALL
        } else {
            rows
        })
    }

    /// Digits with at most one point.
    fn decimal(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        // More digits than this change nothing among 2^64 values.
        let fraction = fraction.get(..18).unwrap_or(fraction);
        Some(Self {
            numerator: format!("{whole}{fraction}").parse().ok()?,
            denominator: 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?,
        })
    }

    /// The share of the values of so many bits, rounded down.
    pub(super) fn of_range(self, bits: u32) -> u128 {
        // Numerators beyond 64 bits lose digits that do not matter.
        let spare = self.numerator.leading_zeros();
        if spare > bits {
            (self.numerator << bits) / self.denominator
        } else {
            let cut = bits + 1 - spare;
            ((self.numerator >> cut) << bits) / (self.denominator >> cut).max(1)
        }
    }

    /// How many rows one row of the sample stands for.
    pub(super) fn factor(self) -> f64 {
        if self.numerator == 0 {
            1.0
        } else {
            self.denominator as f64 / self.numerator as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_sample_shares_are_exact() {
        let tenth = SampleShare::of(&Value::Float(0.1), 0).unwrap();
        assert_eq!(tenth.of_range(64), 1_844_674_407_370_955_161);
        assert_eq!(tenth.of_range(8), 25);
        assert!((tenth.factor() - 10.0).abs() < 1e-12);
        let rows = SampleShare::of(&Value::UInt(250), 1000).unwrap();
        assert_eq!(rows.of_range(64), 1 << 62);
        assert_eq!(SampleShare::of(&Value::UInt(5000), 1000), Some(SampleShare::ALL));
        assert_eq!(SampleShare::of(&Value::UInt(1), 1000), Some(SampleShare::ALL));
        assert_eq!(SampleShare::of(&Value::Float(-0.1), 1000), None);
        // The parts of a table are all of it.
        let third = SampleShare::of(&Value::Float(1.0 / 3.0), 0).unwrap();
        assert!(third.of_range(64) < (1 << 64) / 3 + 1);
    }
}
