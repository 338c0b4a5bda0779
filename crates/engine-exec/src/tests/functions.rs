//! A few functions with obvious meaning, so that operators are tested apart from the function library.

use std::any::Any;
use std::sync::Arc;

use engine_functions::{
    Accumulator, AggregateFunction, Argument, FunctionError, ScalarFunction, TypedColumn,
};
use engine_sql::plan::{Expr, ExprKind};
use engine_types::{Column, DataType, Value};

type RowFunction = fn(&[Value]) -> Result<Value, FunctionError>;

/// A function of values, row by row; NULL in, NULL out by the framework.
pub(super) struct Rowwise {
    name: &'static str,
    of_row: RowFunction,
}

impl ScalarFunction for Rowwise {
    fn name(&self) -> &'static str {
        self.name
    }

    fn return_type(&self, _: &[Argument<'_>]) -> Result<DataType, FunctionError> {
        Ok(DataType::UInt8)
    }

    fn eval(&self, args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
        let values = (0..rows)
            .map(|row| {
                let row: Vec<Value> = args.iter().map(|a| a.column.value(row)).collect();
                (self.of_row)(&row)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Column::from_values(result, &values))
    }
}

static GREATER: Rowwise = Rowwise {
    name: "greater",
    of_row: |v| Ok(Value::UInt(u64::from(v[0] > v[1]))),
};
static TEN_DIVIDED_BY: Rowwise = Rowwise {
    name: "tenDividedBy",
    of_row: |v| match v[0] {
        Value::UInt(0) => Err(FunctionError::new(153, "division by zero")),
        Value::UInt(n) => Ok(Value::UInt(10 / n)),
        _ => Err(FunctionError::new(43, "not a number")),
    },
};
static LENGTH: Rowwise = Rowwise {
    name: "length",
    of_row: |v| match &v[0] {
        Value::String(s) => Ok(Value::UInt(s.len() as u64)),
        _ => Err(FunctionError::new(43, "not a string")),
    },
};

fn call(function: &'static Rowwise, args: Vec<Expr>, ty: DataType) -> Expr {
    let ty = if args.iter().any(|a| a.ty.is_nullable()) {
        ty.nullable()
    } else {
        ty
    };
    Expr {
        kind: ExprKind::Call { function, args },
        ty,
    }
}

pub(super) fn greater(left: Expr, right: Expr) -> Expr {
    call(&GREATER, vec![left, right], DataType::UInt8)
}

pub(super) fn ten_divided_by(arg: Expr) -> Expr {
    call(&TEN_DIVIDED_BY, vec![arg], DataType::UInt64)
}

pub(super) fn length(arg: Expr) -> Expr {
    call(&LENGTH, vec![arg], DataType::UInt64)
}

/// `count()` without arguments, else the sum of the non-NULL values of a UInt64 column.
pub(super) struct Sum {
    name: &'static str,
}

pub(super) fn sum() -> Arc<dyn AggregateFunction> {
    Arc::new(Sum { name: "sum" })
}

/// A sum that no fast path knows.
pub(super) fn total() -> Arc<dyn AggregateFunction> {
    Arc::new(Sum { name: "total" })
}

pub(super) fn count() -> Arc<dyn AggregateFunction> {
    Arc::new(Sum { name: "count" })
}

impl AggregateFunction for Sum {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn return_type(&self) -> &DataType {
        &DataType::UInt64
    }

    fn accumulator(&self) -> Box<dyn Accumulator> {
        Box::<Sums>::default()
    }
}

#[derive(Default)]
struct Sums(Vec<u64>);

impl Accumulator for Sums {
    fn resize(&mut self, groups: usize) {
        if groups > self.0.len() {
            self.0.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        for (row, &group) in groups.iter().enumerate() {
            let value = match args.first().map(|a| a.value(row)) {
                None => 1,
                Some(Value::UInt(v)) => v,
                Some(_) => 0,
            };
            self.0[group as usize] += value;
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        let other = other.as_any().downcast::<Self>().expect("the same function");
        for (value, &group) in other.0.iter().zip(groups) {
            self.0[group as usize] += value;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        Ok(Column::UInt64(std::mem::take(&mut self.0).into()))
    }

    fn byte_size(&self) -> usize {
        8 * self.0.len()
    }

    fn as_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
