//! `sum`, `avg`, `avgWeighted`.

use engine_types::{Column, DataType};

use super::state_bytes::{StateReader, put_f64, put_u64};
use super::{Base, OnNull, State, arity, illegal, maker, repeated};
use crate::FunctionError;
use crate::operand::{Native, Operand};

/// A number that sums are kept in.
trait Sum: Native + Default + Send {
    fn add(self, other: Self) -> Self;

    /// What adding this so often gives, where the order of additions does not matter.
    fn times(self, times: u32) -> Option<Self>;

    fn bits(self) -> u64;

    fn of_bits(bits: u64) -> Self;
}

impl Sum for u64 {
    #[inline]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn times(self, times: u32) -> Option<Self> {
        Some(self.wrapping_mul(Self::from(times)))
    }

    fn bits(self) -> u64 {
        self
    }

    fn of_bits(bits: u64) -> Self {
        bits
    }
}

impl Sum for i64 {
    #[inline]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn times(self, times: u32) -> Option<Self> {
        Some(self.wrapping_mul(Self::from(times)))
    }

    fn bits(self) -> u64 {
        self as u64
    }

    fn of_bits(bits: u64) -> Self {
        bits as i64
    }
}

impl Sum for f64 {
    #[inline]
    fn add(self, other: Self) -> Self {
        self + other
    }

    fn times(self, _: u32) -> Option<Self> {
        None
    }

    fn bits(self) -> u64 {
        self.to_bits()
    }

    fn of_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }
}

#[derive(Default)]
struct Sums<T>(Vec<T>);

/// `sums[groups[i]] += values[i]`.
fn add_grouped<T: Sum>(values: &[T], groups: &[u32], sums: &mut [T]) {
    assert_eq!(values.len(), groups.len(), "one group a row");
    if let [only] = sums {
        *only = values.iter().fold(*only, |sum, v| sum.add(*v));
        return;
    }
    for (value, &group) in values.iter().zip(groups) {
        let sum = &mut sums[group as usize];
        *sum = sum.add(*value);
    }
}

fn slice<T: Native>(column: &Column) -> Result<engine_types::Buffer<T>, FunctionError> {
    match T::operand(column)? {
        Operand::Slice(s) => Ok(s),
        Operand::Const(v) => Ok(vec![v; column.len()].into()),
    }
}

impl<T: Sum> State for Sums<T> {
    fn resize(&mut self, groups: usize) {
        if groups > self.0.len() {
            self.0.resize(groups, T::default());
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        add_grouped(&slice::<T>(&args[0])?, groups, &mut self.0);
        Ok(())
    }

    fn update_repeated(
        &mut self,
        groups: &[u32],
        args: &[Column],
        times: &[u32],
    ) -> Result<(), FunctionError> {
        let values = slice::<T>(&args[0])?;
        let products = values.iter().zip(times).map(|(value, times)| value.times(*times));
        match products.collect::<Option<Vec<T>>>() {
            Some(products) => {
                add_grouped(&products, groups, &mut self.0);
                Ok(())
            }
            None => {
                let (groups, args) = repeated(groups, args, times);
                self.update(&groups, &args)
            }
        }
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (value, &group) in other.0.iter().zip(groups) {
            let sum = &mut self.0[group as usize];
            *sum = sum.add(*value);
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        Ok(T::column(std::mem::take(&mut self.0).into()))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (sum, out) in self.0.iter().zip(out) {
            put_u64(out, sum.bits());
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (sum, input) in self.0.iter_mut().zip(input) {
            *sum = T::of_bits(input.u64()?);
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        8 * self.0.capacity()
    }
}

/// Type that sums of `ty` have, when it can be summed.
pub(crate) fn sum_type(ty: &DataType) -> Option<DataType> {
    match ty {
        ty if ty.is_unsigned() => Some(DataType::UInt64),
        ty if ty.is_signed() => Some(DataType::Int64),
        ty if ty.is_float() => Some(DataType::Float64),
        _ => None,
    }
}

pub(super) fn sum(args: &[DataType]) -> Result<Base, FunctionError> {
    arity("sum", args, 1)?;
    let returns = match &args[0] {
        interval @ DataType::Interval(_) => interval.clone(),
        ty => sum_type(ty).ok_or_else(|| illegal("sum", ty))?,
    };
    Ok(Base {
        make: match returns {
            DataType::UInt64 => maker(Sums::<u64>::default),
            DataType::Float64 => maker(Sums::<f64>::default),
            _ => maker(Sums::<i64>::default),
        },
        returns,
        on_null: OnNull::Null,
    })
}

/// Sums and weights; the average is their quotient.
struct Averages<T> {
    sums: Sums<T>,
    weights: Vec<f64>,
    weighted: bool,
    returns: DataType,
}

impl<T: Sum> State for Averages<T> {
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups);
        if groups > self.weights.len() {
            self.weights.resize(groups, 0.0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let values = slice::<T>(&args[0])?;
        if self.weighted {
            let weights = slice::<f64>(&args[1])?;
            let numbers = slice::<f64>(&args[0])?;
            let products: Vec<f64> = numbers.iter().zip(weights.iter()).map(|(v, w)| v * w).collect();
            add_grouped(
                &slice::<T>(&Column::Float64(products.into()))?,
                groups,
                &mut self.sums.0,
            );
            add_grouped(&weights, groups, &mut self.weights);
            return Ok(());
        }
        add_grouped(&values, groups, &mut self.sums.0);
        if let [only] = self.weights.as_mut_slice() {
            *only += groups.len() as f64;
            return Ok(());
        }
        for &group in groups {
            self.weights[group as usize] += 1.0;
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        self.sums.merge(other.sums, groups);
        for (weight, &group) in other.weights.iter().zip(groups) {
            self.weights[group as usize] += weight;
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let sums = self.sums.finish()?;
        let sums = slice::<f64>(&sums)?;
        let averages: Vec<f64> = sums.iter().zip(&self.weights).map(|(s, w)| s / w).collect();
        if self.returns == DataType::Float64 {
            return Ok(Column::Float64(averages.into()));
        }
        // The average of times is a time; of no times the epoch.
        let ticks: Vec<i64> = averages.iter().map(|a| *a as i64).collect();
        crate::cast::to_number(
            &Column::Int64(ticks.into()),
            &DataType::Int64,
            &match &self.returns {
                DataType::Date => DataType::UInt16,
                DataType::DateTime(_) => DataType::UInt32,
                _ => DataType::Int64,
            },
        )
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        self.sums.save(out);
        for (weight, out) in self.weights.iter().zip(out) {
            put_f64(out, *weight);
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        self.sums.load(input)?;
        for (weight, input) in self.weights.iter_mut().zip(input) {
            *weight = input.f64()?;
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.sums.byte_size() + 8 * self.weights.capacity()
    }
}

fn averages<T: Sum>(weighted: bool, returns: DataType) -> super::Make {
    maker(move || Averages::<T> {
        sums: Sums(Vec::new()),
        weights: Vec::new(),
        weighted,
        returns: returns.clone(),
    })
}

pub(super) fn avg(args: &[DataType]) -> Result<Base, FunctionError> {
    arity("avg", args, 1)?;
    let ty = &args[0];
    let (make, returns) = if ty.is_time() {
        (averages::<f64>(false, ty.clone()), ty.clone())
    } else {
        let make = match sum_type(ty).ok_or_else(|| illegal("avg", ty))? {
            DataType::UInt64 => averages::<u64>(false, DataType::Float64),
            DataType::Int64 => averages::<i64>(false, DataType::Float64),
            _ => averages::<f64>(false, DataType::Float64),
        };
        (make, DataType::Float64)
    };
    Ok(Base {
        returns,
        make,
        on_null: OnNull::Null,
    })
}

pub(super) fn avg_weighted(args: &[DataType]) -> Result<Base, FunctionError> {
    arity("avgWeighted", args, 2)?;
    for ty in args {
        sum_type(ty).ok_or_else(|| illegal("avgWeighted", ty))?;
    }
    Ok(Base {
        returns: DataType::Float64,
        make: averages::<f64>(true, DataType::Float64),
        on_null: OnNull::Null,
    })
}
