//! Filters of a scan to conditions on keys, columns and indexes. What is not understood prunes nothing.

mod constants;
mod image;
mod patterns;

use std::sync::Arc;

use engine_sql::plan::{Expr, ExprKind, SetSource};
use engine_sql::ranges::key_ranges;
use engine_storage::{
    KeyCondition, KeyRef, Predicate, RangeImage, SkipIndexKind, Test, ValueRange, ValueSet, value_hash,
};
use engine_types::{DataType, Field, Value};

use crate::shape::Shape;
use constants::{constant, convert, ordered_alike};
use image::Image;
use patterns::{LikePattern, Piece, after_prefix, hashes_of, regex_prefix};

/// Lists longer than this are not turned into points.
const POINTS_MAX: usize = 10_000;
/// Images of more points than this under functions of keys are not computed.
const IMAGES_MAX: usize = 200;

/// What `filters` (over the columns `columns` of the table) say about keys and columns.
pub(crate) fn key_condition(shape: &Shape, columns: &[usize], filters: &[Expr]) -> KeyCondition {
    let pruner = Pruner::new(shape);
    filters.iter().fold(KeyCondition::all(), |condition, filter| {
        condition.and(pruner.predicate(filter, columns))
    })
}

/// Expressions whose values something is known of.
struct Known<'a> {
    key: KeyRef,
    expr: &'a Expr,
}

struct Pruner<'a> {
    shape: &'a Shape,
    known: Vec<Known<'a>>,
    schema: Vec<Field>,
}

impl<'a> Pruner<'a> {
    fn new(shape: &'a Shape) -> Self {
        let mut known = Vec::new();
        for (at, expr) in shape.sorting_key.iter().enumerate() {
            known.push(Known {
                key: KeyRef::SortingKey(at),
                expr,
            });
        }
        for (at, expr) in shape.partition_elements().into_iter().enumerate() {
            known.push(Known {
                key: KeyRef::Partition(at),
                expr,
            });
        }
        for (index, skip) in shape.skip_indexes.iter().enumerate() {
            for (at, expr) in skip.exprs.iter().enumerate() {
                known.push(Known {
                    key: KeyRef::Index(index, at),
                    expr,
                });
            }
        }
        let schema = shape
            .columns
            .iter()
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .collect();
        Self { shape, known, schema }
    }

    /// `filter` is over positions in the scan.
    fn predicate(&self, filter: &Expr, columns: &[usize]) -> Predicate {
        let list = |list: &[Expr]| list.iter().map(|e| self.predicate(e, columns)).collect();
        match &filter.kind {
            ExprKind::And(operands) => Predicate::And(list(operands)),
            ExprKind::Or(operands) => Predicate::Or(list(operands)),
            ExprKind::Literal(value) => match value {
                Value::UInt(0) | Value::Null => Predicate::Constant(false),
                Value::UInt(_) => Predicate::Constant(true),
                _ => Predicate::Unknown,
            },
            ExprKind::Call { function, args } if function.name() == "not" && args.len() == 1 => {
                Predicate::Not(Box::new(
                    args.first()
                        .map_or(Predicate::Unknown, |e| self.predicate(e, columns)),
                ))
            }
            _ => match over_table(filter, columns) {
                Some(filter) if filter.deterministic() => self.leaf(&filter),
                _ => Predicate::Unknown,
            },
        }
    }

    /// Of a condition that is no AND, OR or NOT, over positions in the table.
    fn leaf(&self, filter: &Expr) -> Predicate {
        let mut tests = Vec::new();
        let understood = match &filter.kind {
            ExprKind::Call { function, args } => self.call(function.name(), args, filter, &mut tests),
            ExprKind::InSet {
                arg,
                set: SetSource::Values(values),
                negated,
            } if values.len() <= POINTS_MAX => {
                let predicate = self.in_set(arg, values);
                Some(if *negated {
                    Predicate::Not(Box::new(predicate))
                } else {
                    predicate
                })
            }
            _ => None,
        };
        if let Some(predicate) = understood {
            return predicate;
        }
        self.any_function(filter, &mut tests);
        if tests.is_empty() {
            Predicate::Unknown
        } else {
            Predicate::Comparison(tests)
        }
    }

    /// Either the predicate, or `None` with tests that hold whatever the call is.
    fn call(&self, name: &str, args: &[Expr], filter: &Expr, tests: &mut Vec<Test>) -> Option<Predicate> {
        let text = |expr: &Expr| match &expr.kind {
            ExprKind::Literal(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        match (name, args) {
            ("isNull", [arg]) => Some(self.one_of(arg, ValueSet::Points(vec![Value::Null]), true)),
            ("isNotNull", [arg]) => Some(Predicate::Not(Box::new(self.one_of(
                arg,
                ValueSet::Points(vec![Value::Null]),
                true,
            )))),
            ("notEquals", [_, _]) => self
                .compared("equals", args)
                .map(|equal| Predicate::Not(Box::new(equal))),
            ("equals" | "less" | "lessOrEquals" | "greater" | "greaterOrEquals", [_, _]) => {
                let compared = self.compared(name, args);
                if compared.is_none() {
                    self.preimage(filter, tests);
                }
                compared
            }
            ("like", [subject, pattern]) => {
                self.any_function(filter, tests);
                Some(self.like(subject, &LikePattern::of(&text(pattern)?), std::mem::take(tests)))
            }
            ("notLike", [subject, pattern]) => {
                let pattern = LikePattern::of(&text(pattern)?);
                // Only what LIKE exactly means can be turned round.
                if pattern.is_prefix || !pattern.has_wildcards {
                    let like = Predicate::Not(Box::new(self.like(subject, &pattern, Vec::new())));
                    self.any_function(filter, tests);
                    let own = std::mem::take(tests);
                    return Some(if own.is_empty() {
                        like
                    } else {
                        like.and(Predicate::Comparison(own))
                    });
                }
                None
            }
            ("startsWith", [subject, prefix]) => {
                let piece = Piece {
                    at_end: false,
                    ..Piece::whole(&text(prefix)?)
                };
                Some(self.starts_with(subject, piece, true, filter))
            }
            ("endsWith", [subject, suffix]) => {
                let piece = Piece {
                    at_start: false,
                    ..Piece::whole(&text(suffix)?)
                };
                self.text_hashes(subject, &[vec![piece]], tests);
                None
            }
            ("hasToken", [subject, word]) => {
                self.text_hashes(subject, &[vec![Piece::whole(&text(word)?)]], tests);
                None
            }
            ("multiSearchAny", [subject, needles]) => {
                let ExprKind::Literal(Value::Array(needles)) = &needles.kind else {
                    return None;
                };
                let inside = |needle: &Value| match needle {
                    Value::String(text) => Some(vec![Piece {
                        text: text.clone(),
                        at_start: false,
                        at_end: false,
                    }]),
                    _ => None,
                };
                let alternatives: Vec<Vec<Piece>> = needles.iter().map(inside).collect::<Option<_>>()?;
                self.text_hashes(subject, &alternatives, tests);
                None
            }
            ("match", [subject, pattern]) => {
                if let Some(prefix) = regex_prefix(&text(pattern)?) {
                    let piece = Piece {
                        at_end: false,
                        ..Piece::whole(&prefix)
                    };
                    return Some(self.starts_with(subject, piece, false, filter));
                }
                None
            }
            ("has", [array, wanted]) => match (&array.kind, &wanted.kind) {
                (ExprKind::Literal(Value::Array(values)), _) => {
                    let DataType::Array(element) = array.ty.bare() else {
                        return None;
                    };
                    let points = converted(values, element, &wanted.ty)?;
                    // NULL may be found in an array.
                    (!wanted.ty.is_nullable()).then(|| self.one_of(wanted, ValueSet::points(points), false))
                }
                (_, ExprKind::Literal(value)) => {
                    self.elements(array, &[std::slice::from_ref(value)], &wanted.ty, tests);
                    None
                }
                _ => None,
            },
            ("hasAny" | "hasAll", [array, wanted]) => {
                let (ExprKind::Literal(Value::Array(values)), DataType::Array(element)) =
                    (&wanted.kind, wanted.ty.bare())
                else {
                    return None;
                };
                let alternatives: Vec<&[Value]> = if name == "hasAll" {
                    vec![values.as_slice()]
                } else {
                    values.iter().map(std::slice::from_ref).collect()
                };
                self.elements(array, &alternatives, element, tests);
                None
            }
            _ => None,
        }
    }

    fn compared(&self, name: &str, args: &[Expr]) -> Option<Predicate> {
        let [left, right] = args else {
            return None;
        };
        let (subject, literal, flipped) = match (&left.kind, &right.kind) {
            (ExprKind::Literal(_), ExprKind::Literal(_)) => return None,
            (_, ExprKind::Literal(_)) => (left, right, false),
            (ExprKind::Literal(_), _) => (right, left, true),
            _ => return None,
        };
        let name = match (name, flipped) {
            ("less", true) => "greater",
            ("greater", true) => "less",
            ("lessOrEquals", true) => "greaterOrEquals",
            ("greaterOrEquals", true) => "lessOrEquals",
            (name, _) => name,
        };
        if let Some(elements) = tuple_elements(subject) {
            return self.compared_tuple(name, elements, literal);
        }
        let (value, exact) = constant(literal, &subject.ty)?;
        if matches!(value, Value::Float(v) if v.is_nan()) {
            return None;
        }
        if name != "equals" && !ordered_alike(&subject.ty) {
            return None;
        }
        // A bound that was rounded down may itself be wanted.
        Some(match name {
            "equals" => self.one_of(subject, ValueSet::Points(vec![value]), exact),
            "less" => self.one_of(subject, below(value, !exact), true),
            "lessOrEquals" => self.one_of(subject, below(value, true), true),
            "greater" => self.one_of(subject, above(value, !exact), exact),
            _ => self.one_of(subject, above(value, true), exact),
        })
    }

    /// `(a, b) < (x, y)` is `a < x OR (a = x AND b < y)`.
    fn compared_tuple(&self, name: &str, elements: &[Expr], literal: &Expr) -> Option<Predicate> {
        let (ExprKind::Literal(Value::Tuple(values)), DataType::Tuple(types)) =
            (&literal.kind, literal.ty.bare())
        else {
            return None;
        };
        if values.len() != elements.len() || types.len() != elements.len() {
            return None;
        }
        let of = |at: usize, name: &str| -> Option<Predicate> {
            let literal = Expr::literal(values.get(at)?.clone(), types.get(at)?.1.clone());
            self.compared(name, &[elements.get(at)?.clone(), literal])
        };
        let known = |predicate: Option<Predicate>| predicate.unwrap_or(Predicate::Unknown);
        if name == "equals" {
            return Some(Predicate::And(
                (0..elements.len()).map(|at| known(of(at, name))).collect(),
            ));
        }
        let strict = if name.starts_with("less") {
            "less"
        } else {
            "greater"
        };
        let last = elements.len().checked_sub(1)?;
        Some((0..last).rev().fold(known(of(last, name)), |rest, at| {
            Predicate::Or(vec![
                known(of(at, strict)),
                Predicate::And(vec![known(of(at, "equals")), rest]),
            ])
        }))
    }

    fn in_set(&self, arg: &Expr, values: &[Value]) -> Predicate {
        let values: Vec<Value> = values.iter().filter(|v| !v.is_null()).cloned().collect();
        let Some(elements) = tuple_elements(arg) else {
            return if matches!(arg.ty.bare(), DataType::Tuple(_) | DataType::Array(_)) {
                Predicate::Unknown
            } else {
                self.one_of(arg, ValueSet::points(values), true)
            };
        };
        let mut tuples: Vec<Vec<Value>> = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Value::Tuple(tuple) if tuple.len() == elements.len() => tuples.push(tuple),
                _ => return Predicate::Unknown,
            }
        }
        tuples.retain(|tuple| !tuple.iter().any(Value::is_null));
        tuples.sort();
        tuples.dedup();
        let mut conditions: Vec<Predicate> = elements
            .iter()
            .enumerate()
            .map(|(at, element)| {
                let points = tuples.iter().filter_map(|t| t.get(at).cloned()).collect();
                self.one_of(element, ValueSet::points(points), false)
            })
            .collect();
        let keys: Vec<Option<KeyRef>> = elements
            .iter()
            .map(|element| {
                let known = self.known.iter().find(|known| same(known.expr, element));
                known.map(|known| known.key).or_else(|| self.stored(element))
            })
            .collect();
        if keys.iter().flatten().count() > 1 {
            conditions.push(Predicate::Comparison(vec![Test::Tuple {
                keys,
                tuples: Arc::new(tuples),
            }]));
        }
        Predicate::And(conditions)
    }

    /// The column in storage, when the expression is one.
    fn stored(&self, expr: &Expr) -> Option<KeyRef> {
        match expr.kind {
            ExprKind::Column(column) => self.shape.columns.get(column)?.stored.map(KeyRef::Column),
            _ => None,
        }
    }

    /// Rows are wanted whose `subject` lies in the set; `exact`: all of those.
    fn one_of(&self, subject: &Expr, set: ValueSet, exact: bool) -> Predicate {
        let mut tests = Vec::new();
        self.tests_of(subject, &set, exact, &mut tests);
        if !matches!(subject.kind, ExprKind::Column(_))
            && let Some((lower, upper)) = ends(&set)
        {
            // Equality, or a range, of a function of a time is a range of the time.
            let bounds = [("greaterOrEquals", lower), ("lessOrEquals", upper)];
            for (name, bound) in bounds {
                if let Some(value) = bound
                    && let Some(filter) = call(name, subject, value)
                {
                    self.preimage(&filter, &mut tests);
                }
            }
        }
        if tests.is_empty() {
            Predicate::Unknown
        } else {
            Predicate::Comparison(tests)
        }
    }

    fn tests_of(&self, subject: &Expr, set: &ValueSet, exact: bool, tests: &mut Vec<Test>) {
        let mut add = |key, through, set, exact| {
            tests.push(Test::Value {
                key,
                through,
                set,
                exact,
            });
        };
        if let Some(key) = self.stored(subject) {
            add(key, None, set.clone(), exact);
        }
        let mut images: Vec<(&Expr, ValueSet)> = Vec::new();
        for known in &self.known {
            if same(known.expr, subject) {
                add(known.key, None, set.clone(), exact);
            } else if let Some(image) = self.image_of_key(subject, known.expr, set) {
                if matches!(known.key, KeyRef::Index(..)) {
                    images.push((known.expr, image.clone()));
                }
                add(known.key, None, image, false);
            } else if let Some(through) = around(subject, known.expr) {
                add(known.key, Some(through), set.clone(), exact);
            }
        }
        // Columns without a key of their own have least and greatest values.
        let mut inner = Vec::new();
        subject.each_column(&mut |c| inner.push(c));
        if let ([column], false) = (inner.as_slice(), matches!(subject.kind, ExprKind::Column(_)))
            && let Some(of_column) = self.shape.columns.get(*column)
            && let Some(stored) = of_column.stored
        {
            let column = Expr::column(*column, of_column.ty.clone());
            if let Some(image) = image_around(subject, &column)
                && image.is_monotone()
            {
                add(KeyRef::Column(stored), Some(Arc::new(image)), set.clone(), exact);
            }
        }
        self.hashes_of_points(subject, set, tests);
        // `s = 'A'` is `lower(s) = 'a'` for an index on that.
        for (expr, image) in images {
            self.hashes_of_points(expr, &image, tests);
        }
    }

    /// The values that a key, a monotone function of the subject, has where the subject lies in the set.
    fn image_of_key(&self, subject: &Expr, key: &Expr, set: &ValueSet) -> Option<ValueSet> {
        let image = image_around(key, subject).filter(|_| !same(key, subject))?;
        let apply = |value: &Value| -> Option<Value> {
            let found = image.image(&ValueRange::point(value.clone()))?;
            found.single().filter(|v| !v.is_null()).cloned()
        };
        match set {
            ValueSet::Points(points) if points.len() <= IMAGES_MAX => {
                Some(ValueSet::points(points.iter().map(apply).collect::<Option<_>>()?))
            }
            ValueSet::Points(_) => None,
            ValueSet::Range { lower, upper } => {
                let range = ValueRange {
                    lower: lower.clone(),
                    upper: upper.clone(),
                };
                let found = image.image(&range)?;
                Some(ValueSet::Range {
                    lower: found.lower,
                    upper: found.upper,
                })
            }
        }
    }

    /// What the filter, as a whole, says about the range of a column.
    fn preimage(&self, filter: &Expr, tests: &mut Vec<Test>) {
        for range in key_ranges(std::slice::from_ref(filter), &self.schema) {
            let Some(field) = self.schema.get(range.column) else {
                continue;
            };
            let column = Expr::column(range.column, field.ty.clone());
            let set = match range.points {
                Some(points) => ValueSet::Points(points),
                None => ValueSet::Range {
                    lower: range.lower,
                    upper: range.upper,
                },
            };
            self.tests_of(&column, &set, false, tests);
        }
    }

    /// Any function of one key alone is known where the key has one value: in sets, and in granules of one key.
    fn any_function(&self, filter: &Expr, tests: &mut Vec<Test>) {
        for known in &self.known {
            if let Some(through) = around(filter, known.expr) {
                tests.push(Test::Value {
                    key: known.key,
                    through: Some(through),
                    set: ValueSet::Range {
                        lower: Some((Value::UInt(0), false)),
                        upper: None,
                    },
                    exact: true,
                });
            }
        }
    }

    /// `tests` are further ones of the same LIKE.
    fn like(&self, subject: &Expr, pattern: &LikePattern, mut tests: Vec<Test>) -> Predicate {
        if *subject.ty.bare() != DataType::String {
            return Predicate::Unknown;
        }
        let prefix = pattern.prefix().to_vec();
        if !pattern.has_wildcards {
            self.tests_of(
                subject,
                &ValueSet::Points(vec![Value::String(prefix)]),
                true,
                &mut tests,
            );
        } else if !prefix.is_empty() {
            self.tests_of(subject, &with_prefix(prefix), pattern.is_prefix, &mut tests);
        }
        self.text_hashes(subject, std::slice::from_ref(&pattern.pieces), &mut tests);
        if tests.is_empty() {
            Predicate::Unknown
        } else {
            Predicate::Comparison(tests)
        }
    }

    fn starts_with(&self, subject: &Expr, piece: Piece, exact: bool, filter: &Expr) -> Predicate {
        let mut tests = Vec::new();
        if *subject.ty.bare() == DataType::String && !piece.text.is_empty() {
            self.tests_of(subject, &with_prefix(piece.text.clone()), exact, &mut tests);
            self.text_hashes(subject, &[vec![piece]], &mut tests);
        }
        self.any_function(filter, &mut tests);
        if tests.is_empty() {
            Predicate::Unknown
        } else {
            Predicate::Comparison(tests)
        }
    }

    /// One of the alternatives, each some pieces of text, is in the subject.
    fn text_hashes(&self, subject: &Expr, alternatives: &[Vec<Piece>], tests: &mut Vec<Test>) {
        if *subject.ty.bare() != DataType::String {
            return;
        }
        for (index, kind, _) in self.filters_over(subject) {
            let any_of: Option<Vec<Vec<u64>>> = alternatives
                .iter()
                .map(|pieces| hashes_of(kind, pieces))
                .collect();
            if let Some(any_of) = any_of {
                tests.push(Test::Hashes {
                    index,
                    any_of: Arc::new(any_of),
                });
            }
        }
    }

    /// The subject has one of these values.
    fn hashes_of_points(&self, subject: &Expr, set: &ValueSet, tests: &mut Vec<Test>) {
        let ValueSet::Points(points) = set else {
            return;
        };
        if points.iter().any(Value::is_null)
            || matches!(subject.ty.bare(), DataType::Array(_) | DataType::Tuple(_))
        {
            return;
        }
        for (index, kind, ty) in self.filters_over(subject) {
            let any_of: Option<Vec<Vec<u64>>> = match kind {
                // A value that the type does not have is in no granule.
                SkipIndexKind::BloomFilter { .. } => Some(
                    points
                        .iter()
                        .filter_map(|v| Some(vec![value_hash(ty, v)?]))
                        .collect(),
                ),
                _ => points
                    .iter()
                    .map(|point| match point {
                        Value::String(text) => hashes_of(kind, &[Piece::whole(text)]),
                        _ => None,
                    })
                    .collect(),
            };
            if let Some(any_of) = any_of {
                tests.push(Test::Hashes {
                    index,
                    any_of: Arc::new(any_of),
                });
            }
        }
    }

    /// The array has all elements of one of the alternatives.
    fn elements(&self, array: &Expr, alternatives: &[&[Value]], ty: &DataType, tests: &mut Vec<Test>) {
        let DataType::Array(element) = array.ty.bare() else {
            return;
        };
        for (index, kind, _) in self.filters_over(array) {
            let any_of: Option<Vec<Vec<u64>>> = alternatives
                .iter()
                .map(|values| {
                    let values = converted(values, ty, element).filter(|v| v.len() == values.len())?;
                    match kind {
                        SkipIndexKind::BloomFilter { .. } => {
                            values.iter().map(|value| value_hash(element, value)).collect()
                        }
                        _ => {
                            let hashes = values.iter().map(|value| match value {
                                Value::String(text) => hashes_of(kind, &[Piece::whole(text)]),
                                _ => None,
                            });
                            hashes.collect::<Option<Vec<_>>>().map(|lists| lists.concat())
                        }
                    }
                })
                .collect();
            if let Some(any_of) = any_of {
                tests.push(Test::Hashes {
                    index,
                    any_of: Arc::new(any_of),
                });
            }
        }
    }

    /// Skip indexes that are filters over this expression, with the type that they keep.
    fn filters_over(&self, subject: &Expr) -> impl Iterator<Item = (usize, &SkipIndexKind, &DataType)> {
        self.shape
            .skip_indexes
            .iter()
            .enumerate()
            .filter_map(move |(at, skip)| {
                let [expr] = skip.exprs.as_slice() else {
                    return None;
                };
                let is_filter = match skip.kind {
                    SkipIndexKind::MinMax | SkipIndexKind::Set { .. } => false,
                    SkipIndexKind::BloomFilter { .. }
                    | SkipIndexKind::Ngrams { .. }
                    | SkipIndexKind::Tokens { .. } => true,
                };
                (is_filter && same(expr, subject)).then_some((at, &skip.kind, &expr.ty))
            })
    }
}

fn below(value: Value, included: bool) -> ValueSet {
    ValueSet::Range {
        lower: None,
        upper: Some((value, included)),
    }
}

fn above(value: Value, included: bool) -> ValueSet {
    ValueSet::Range {
        lower: Some((value, included)),
        upper: None,
    }
}

fn with_prefix(prefix: Vec<u8>) -> ValueSet {
    ValueSet::Range {
        upper: after_prefix(&prefix).map(|next| (Value::String(next), false)),
        lower: Some((Value::String(prefix), true)),
    }
}

/// The least and the greatest value of a set, where it has them.
fn ends(set: &ValueSet) -> Option<(Option<Value>, Option<Value>)> {
    match set {
        ValueSet::Points(points) => Some((Some(points.first()?.clone()), Some(points.last()?.clone()))),
        ValueSet::Range { lower, upper } => Some((
            lower.as_ref().map(|(v, _)| v.clone()),
            upper.as_ref().map(|(v, _)| v.clone()),
        )),
    }
}

/// `subject name value`.
fn call(name: &str, subject: &Expr, value: Value) -> Option<Expr> {
    if value.is_null() || !ordered_alike(&subject.ty) {
        return None;
    }
    Some(Expr {
        kind: ExprKind::Call {
            function: engine_functions::scalar(name)?,
            args: vec![subject.clone(), Expr::literal(value, subject.ty.bare().clone())],
        },
        ty: DataType::UInt8,
    })
}

/// All values in another type; `None` when one of them cannot be compared.
fn converted(values: &[Value], from: &DataType, to: &DataType) -> Option<Vec<Value>> {
    values
        .iter()
        .map(|value| match convert(value, from.bare(), to.bare())? {
            (value, true) => Some(value),
            _ => None,
        })
        .collect()
}

fn tuple_elements(expr: &Expr) -> Option<&[Expr]> {
    match &expr.kind {
        ExprKind::Call { function, args } if function.name() == "tuple" => Some(args),
        _ => None,
    }
}

/// `outer` as a function of `inner`, when it has no other columns and `inner` is a proper part of it.
fn image_around(outer: &Expr, inner: &Expr) -> Option<Image> {
    let (replaced, count) = with_hole(outer, inner);
    if count == 0 || matches!(replaced.kind, ExprKind::Column(_)) {
        return None;
    }
    let mut only_holes = true;
    let mut holes = 0;
    replaced.each_column(&mut |c| {
        only_holes &= c == 0;
        holes += 1;
    });
    (only_holes && holes == count && outer.deterministic())
        .then(|| Image::new(&replaced, inner.ty.bare()))
        .flatten()
}

fn around(outer: &Expr, inner: &Expr) -> Option<Arc<dyn RangeImage>> {
    // Values of nested types do not come from literals and keys alone.
    if matches!(
        inner.ty.bare(),
        DataType::Array(_) | DataType::Tuple(_) | DataType::Map(..)
    ) || inner.ty.is_nullable()
    {
        return None;
    }
    image_around(outer, inner).map(|image| Arc::new(image) as Arc<dyn RangeImage>)
}

/// `outer` with column 0 in place of every `inner`, other columns moved away, and how many there were.
fn with_hole(outer: &Expr, inner: &Expr) -> (Expr, usize) {
    if same(outer, inner) {
        return (Expr::column(0, inner.ty.bare().clone()), 1);
    }
    let mut count = 0;
    let mut list = |list: &[Expr]| -> Vec<Expr> {
        list.iter()
            .map(|e| {
                let (e, found) = with_hole(e, inner);
                count += found;
                e
            })
            .collect()
    };
    let kind = match &outer.kind {
        ExprKind::Column(i) => ExprKind::Column(i + 1),
        ExprKind::Call { function, args } => ExprKind::Call {
            function: *function,
            args: list(args),
        },
        ExprKind::And(operands) => ExprKind::And(list(operands)),
        ExprKind::Or(operands) => ExprKind::Or(list(operands)),
        ExprKind::InSet {
            arg,
            set: set @ SetSource::Values(_),
            negated,
        } => {
            let mut arg = list(std::slice::from_ref(arg));
            match arg.pop() {
                Some(arg) => ExprKind::InSet {
                    arg: Box::new(arg),
                    set: set.clone(),
                    negated: *negated,
                },
                None => outer.kind.clone(),
            }
        }
        ExprKind::Literal(_) => outer.kind.clone(),
        // What is inside cannot be looked at: one column that is no hole refuses the whole.
        ExprKind::InSet { .. } | ExprKind::HigherOrder { .. } | ExprKind::ScalarSubquery(_) => {
            ExprKind::Column(1)
        }
    };
    let expr = Expr {
        kind,
        ty: outer.ty.clone(),
    };
    (expr, count)
}

/// The expression over positions in the table instead of positions in the scan.
fn over_table(expr: &Expr, columns: &[usize]) -> Option<Expr> {
    let list = |list: &[Expr]| {
        list.iter()
            .map(|e| over_table(e, columns))
            .collect::<Option<Vec<_>>>()
    };
    let kind = match &expr.kind {
        ExprKind::Column(i) => ExprKind::Column(*columns.get(*i)?),
        ExprKind::Literal(_) => expr.kind.clone(),
        ExprKind::Call { function, args } => ExprKind::Call {
            function: *function,
            args: list(args)?,
        },
        ExprKind::And(operands) => ExprKind::And(list(operands)?),
        ExprKind::Or(operands) => ExprKind::Or(list(operands)?),
        ExprKind::InSet { arg, set, negated } => ExprKind::InSet {
            arg: Box::new(over_table(arg, columns)?),
            set: set.clone(),
            negated: *negated,
        },
        ExprKind::HigherOrder { .. } | ExprKind::ScalarSubquery(_) => return None,
    };
    Some(Expr {
        kind,
        ty: expr.ty.clone(),
    })
}

/// Whether two expressions over one table are the same.
pub(crate) fn same(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::Column(a), ExprKind::Column(b)) => a == b,
        (ExprKind::Literal(x), ExprKind::Literal(y)) => x == y && a.ty == b.ty,
        (
            ExprKind::Call {
                function: f,
                args: left,
            },
            ExprKind::Call {
                function: g,
                args: right,
            },
        ) => {
            f.name() == g.name()
                && a.ty.bare() == b.ty.bare()
                && left.len() == right.len()
                && left.iter().zip(right).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}
