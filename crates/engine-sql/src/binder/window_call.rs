//! Window functions: calls with OVER, and their frames.

use std::rc::Rc;

use engine_functions::common_type;
use engine_types::{DataType, Value};

use super::{
    Binder, aggregate_call, literal,
    scope::{Scope, WINDOW},
};
use crate::{
    ast::{self, FrameBoundSpec, WindowRef, WindowSpec},
    error::{SqlError, code},
    fold,
    plan::{Expr, Frame, FrameBound, SortKey, WindowCall, WindowFunction},
};

const WHOLE: Frame = Frame {
    rows: true,
    start: FrameBound::UnboundedPreceding,
    end: FrameBound::UnboundedFollowing,
};

impl Binder<'_> {
    pub(super) fn window_call(
        &mut self,
        scope: &mut Scope,
        function: &ast::Function,
    ) -> Result<Expr, SqlError> {
        if let Some(clause) = scope.no_aggregates {
            return Err(SqlError::new(
                code::ILLEGAL_AGGREGATION,
                format!("Window function {} is found in {clause} in query", function.name),
            ));
        }
        let spec = self.window_spec(scope, function.over.as_ref())?;
        let partition_by = self.exprs(scope, &spec.partition_by)?;
        let mut order_by = Vec::with_capacity(spec.order_by.len());
        for order in &spec.order_by {
            order_by.push(SortKey {
                expr: self.expr(scope, &order.expr)?,
                descending: order.descending,
                nulls_first: order.nulls_first.unwrap_or(false),
            });
        }
        let mut frame = match &spec.frame {
            Some(frame) => Frame {
                rows: frame.rows,
                start: self.frame_bound(scope, &frame.start)?,
                end: self.frame_bound(scope, &frame.end)?,
            },
            // Without ORDER BY all rows are peers: the whole partition.
            None => Frame {
                rows: false,
                start: FrameBound::UnboundedPreceding,
                end: FrameBound::CurrentRow,
            },
        };
        let name = function.name.to_ascii_lowercase();
        let (window_function, args, ty) = match name.as_str() {
            "row_number" => (WindowFunction::RowNumber, Vec::new(), DataType::UInt64),
            "rank" => (WindowFunction::Rank, Vec::new(), DataType::UInt64),
            "dense_rank" => (WindowFunction::DenseRank, Vec::new(), DataType::UInt64),
            "first_value" | "last_value" | "nth_value" => {
                let args = self.exprs(scope, &function.args)?;
                let wanted = if name == "nth_value" { 2 } else { 1 };
                check_count(function, &args, wanted..=wanted)?;
                let ty = args[0].ty.clone();
                let kind = match name.as_str() {
                    "first_value" => WindowFunction::FirstValue,
                    "last_value" => WindowFunction::LastValue,
                    _ => WindowFunction::NthValue,
                };
                (kind, args, ty)
            }
            "laginframe" | "leadinframe" | "lag" | "lead" => {
                let mut args = self.exprs(scope, &function.args)?;
                check_count(function, &args, 1..=3)?;
                let mut ty = args[0].ty.clone();
                if let Some(default) = args.get(2) {
                    ty = common_type(&[ty, default.ty.clone()])?;
                    let default = fold::cast(default.clone(), &ty)?;
                    args[2] = default;
                    args[0] = fold::cast(args[0].clone(), &ty)?;
                }
                // The plain forms look at the whole partition whatever the frame.
                if !name.ends_with("inframe") {
                    frame = WHOLE;
                }
                let kind = if name.starts_with("lag") {
                    WindowFunction::LagInFrame
                } else {
                    WindowFunction::LeadInFrame
                };
                (kind, args, ty)
            }
            _ if aggregate_call::is_aggregate(&function.name) => {
                let resolved = self.resolve_aggregate(scope, function)?;
                let ty = resolved.function.return_type().clone();
                (WindowFunction::Aggregate(resolved.function), resolved.args, ty)
            }
            _ => {
                return Err(SqlError::new(
                    code::UNKNOWN_FUNCTION,
                    format!("Unknown window function {}", function.name),
                ));
            }
        };
        let same = |a: &SortKey, b: &SortKey| {
            a.expr == b.expr && a.descending == b.descending && a.nulls_first == b.nulls_first
        };
        let equal = |(have, text): (&WindowCall, &ast::Function)| {
            text.name == function.name
                && text.params == function.params
                && text.distinct == function.distinct
                && have.args == args
                && have.partition_by == partition_by
                && have.frame == frame
                && have.order_by.len() == order_by.len()
                && have.order_by.iter().zip(&order_by).all(|(a, b)| same(a, b))
        };
        if let Some(index) = scope.windows.iter().zip(&scope.window_texts).position(equal) {
            return Ok(Expr::column(WINDOW + index, ty));
        }
        scope.window_texts.push(function.clone());
        scope.windows.push(WindowCall {
            function: window_function,
            args,
            partition_by,
            order_by,
            frame,
            ty: ty.clone(),
        });
        Ok(Expr::column(WINDOW + scope.windows.len() - 1, ty))
    }

    /// `neighbor(value, offset[, default])`: the value so many rows on, in the order that the rows come in; all of them,
    /// not those of a block as in ClickHouse.
    pub(super) fn neighbor(&self, scope: &mut Scope, args: Vec<Expr>) -> Result<Expr, SqlError> {
        if let Some(clause) = scope.no_aggregates {
            return Err(SqlError::not_implemented(format!("neighbor in {clause}")));
        }
        let mut args = args.into_iter();
        let (Some(value), Some(offset), default) = (args.next(), args.next(), args.next()) else {
            return Err(SqlError::new(
                code::NUMBER_OF_ARGUMENTS,
                "neighbor takes a value, an offset and perhaps a default",
            ));
        };
        let steps = match literal::constant(&offset) {
            Some(Value::UInt(n)) => i64::try_from(*n).unwrap_or(i64::MAX),
            Some(Value::Int(n)) => *n,
            _ => {
                return Err(SqlError::not_implemented(
                    "neighbor with an offset that is not constant",
                ));
            }
        };
        let mut ty = value.ty.clone();
        let mut args = vec![
            value,
            Expr::literal(Value::UInt(steps.unsigned_abs()), DataType::UInt64),
        ];
        if let Some(default) = default {
            ty = common_type(&[ty, default.ty.clone()])?;
            args[0] = fold::cast(args[0].clone(), &ty)?;
            args.push(fold::cast(default, &ty)?);
        }
        let call = WindowCall {
            function: if steps < 0 {
                WindowFunction::LagInFrame
            } else {
                WindowFunction::LeadInFrame
            },
            args,
            partition_by: Vec::new(),
            order_by: Vec::new(),
            frame: WHOLE,
            ty: ty.clone(),
        };
        scope.window_texts.push(ast::Function::default());
        scope.windows.push(call);
        Ok(Expr::column(WINDOW + scope.windows.len() - 1, ty))
    }

    /// The window as written, with what it takes from a named one.
    fn window_spec(&self, scope: &Scope, over: Option<&WindowRef>) -> Result<WindowSpec, SqlError> {
        let named =
            |name: &str| -> Result<Rc<WindowSpec>, SqlError> {
                scope.named_windows.get(name).cloned().ok_or_else(|| {
                    SqlError::new(code::BAD_ARGUMENTS, format!("Window '{name}' is not defined"))
                })
            };
        let mut spec = match over {
            None => WindowSpec::default(),
            Some(WindowRef::Name(name)) => (*named(name)?).clone(),
            Some(WindowRef::Spec(spec)) => spec.clone(),
        };
        let mut links = 0;
        while let Some(base) = spec.base.take() {
            links += 1;
            if links > scope.named_windows.len() {
                return Err(SqlError::new(
                    code::BAD_ARGUMENTS,
                    format!("Window '{base}' is defined by itself"),
                ));
            }
            let base = named(&base)?;
            if spec.partition_by.is_empty() {
                spec.partition_by.clone_from(&base.partition_by);
            }
            if spec.order_by.is_empty() {
                spec.order_by.clone_from(&base.order_by);
            }
            if spec.frame.is_none() {
                spec.frame.clone_from(&base.frame);
            }
            spec.base.clone_from(&base.base);
        }
        Ok(spec)
    }

    fn frame_bound(&mut self, scope: &mut Scope, bound: &FrameBoundSpec) -> Result<FrameBound, SqlError> {
        let rows = |b: &mut Self, scope: &mut Scope, expr: &ast::Expr| {
            let bound = b.expr(scope, expr)?;
            match literal::constant(&bound) {
                Some(Value::UInt(n)) => Ok(*n),
                _ => Err(SqlError::new(
                    code::BAD_ARGUMENTS,
                    format!("Frame bound `{expr}` must be a constant, not negative integer"),
                )),
            }
        };
        Ok(match bound {
            FrameBoundSpec::UnboundedPreceding => FrameBound::UnboundedPreceding,
            FrameBoundSpec::UnboundedFollowing => FrameBound::UnboundedFollowing,
            FrameBoundSpec::CurrentRow => FrameBound::CurrentRow,
            FrameBoundSpec::Preceding(expr) => FrameBound::Preceding(rows(self, scope, expr)?),
            FrameBoundSpec::Following(expr) => FrameBound::Following(rows(self, scope, expr)?),
        })
    }
}

fn check_count(
    function: &ast::Function,
    args: &[Expr],
    wanted: std::ops::RangeInclusive<usize>,
) -> Result<(), SqlError> {
    if wanted.contains(&args.len()) {
        return Ok(());
    }
    Err(SqlError::new(
        code::NUMBER_OF_ARGUMENTS,
        format!(
            "Function {} does not take {} arguments",
            function.name,
            args.len()
        ),
    ))
}
