//! The `JSONExtract…` and `visitParam…`/`simpleJSON…` functions.

use engine_types::{ArrayColumn, Column, DataType, StringColumnBuilder, TupleColumn, Value};

use crate::conversion::constant_string;
use crate::definition::{ANY, Definition};
use crate::error::ILLEGAL_TYPE;
use crate::json_scan::{
    Kind, Number, Step, children, descend, document, find, float, kind, number, reprint, unescape, visit,
    visit_raw,
};
use crate::operand::{Operand, Strings, i64s, row};
use crate::text::{parse_bytes, parse_float};
use crate::{Argument, FunctionError, TypedColumn};

/// Path arguments, constant or per row.
enum PathPart {
    Keys(Strings),
    Indices(Operand<i64>),
}

struct Path {
    parts: Vec<PathPart>,
    constant: bool,
}

impl Path {
    fn of(args: &[TypedColumn]) -> Result<Self, FunctionError> {
        let parts = args
            .iter()
            .map(|arg| {
                if arg.ty.is_string() {
                    Strings::of(&arg.column).map(PathPart::Keys)
                } else {
                    i64s(arg).map(PathPart::Indices)
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let constant = parts.iter().all(|p| match p {
            PathPart::Keys(k) => k.constant().is_some(),
            PathPart::Indices(i) => i.constant().is_some(),
        });
        Ok(Self { parts, constant })
    }

    fn steps(&self, row: usize) -> Vec<Step<'_>> {
        self.parts
            .iter()
            .map(|p| match p {
                PathPart::Keys(k) => Step::Key(k.get(row)),
                PathPart::Indices(i) => Step::Index(i.at(row)),
            })
            .collect()
    }
}

/// Calls `each` with the value found in every row.
fn each_found(
    args: &[TypedColumn],
    path: &[TypedColumn],
    rows: usize,
    mut each: impl FnMut(Option<&[u8]>),
) -> Result<(), FunctionError> {
    let texts = Strings::of(&args[0].column)?;
    let path = Path::of(path)?;
    let constant = if path.constant && rows > 0 {
        Some(path.steps(0))
    } else {
        None
    };
    for i in 0..rows {
        let text = texts.get(i);
        match &constant {
            Some(steps) => each(find(text, steps)),
            None => each(find(text, &path.steps(i))),
        }
    }
    Ok(())
}

fn path_types(function: &str, args: &[Argument<'_>]) -> Result<(), FunctionError> {
    if !args[0].ty.is_string() {
        return Err(FunctionError::illegal_type(function, args[0].ty));
    }
    match args[1..].iter().find(|a| !a.ty.is_string() && !a.ty.is_integer()) {
        Some(other) => Err(FunctionError::illegal_type(function, other.ty)),
        None => Ok(()),
    }
}

fn extract_raw(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 8);
    each_found(args, &args[1..], rows, |found| {
        if let Some(value) = found {
            reprint(value, out.arena());
        }
        out.end_row();
    })?;
    Ok(Column::String(out.finish()))
}

/// The text of a value: a string unescaped, null '', anything else printed.
fn write_text(value: &[u8], out: &mut Vec<u8>) {
    match kind(value) {
        Some(Kind::String) => unescape(&value[1..value.len() - 1], out),
        Some(Kind::Null) | None => {}
        Some(_) => reprint(value, out),
    }
}

fn extract_string(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 8);
    each_found(args, &args[1..], rows, |found| {
        if let Some(value) = found {
            write_text(value, out.arena());
        }
        out.end_row();
    })?;
    Ok(Column::String(out.finish()))
}

fn string_body(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if value.len() >= 2 {
        unescape(&value[1..value.len() - 1], &mut out);
    }
    out
}

/// A value as an integer: numbers cut to whole, strings that hold a number; nothing outside the range.
fn integer(value: &[u8]) -> Option<i128> {
    let cut = |v: f64| (v.is_finite() && v.abs() < 1.8e19).then_some(v as i128);
    match kind(value)? {
        Kind::Number => match number(value) {
            Number::Int(v) => Some(i128::from(v)),
            Number::UInt(v) => Some(i128::from(v)),
            Number::Big => None,
            Number::Float(v) => cut(v),
        },
        Kind::String => {
            let text = string_body(value);
            std::str::from_utf8(&text)
                .ok()?
                .parse::<i128>()
                .ok()
                .or_else(|| cut(parse_float(&text)?))
        }
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => None,
    }
}

fn number_of(value: &[u8]) -> Option<f64> {
    match kind(value)? {
        Kind::Number => Some(float(value)),
        Kind::String => parse_float(&string_body(value)),
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => None,
    }
}

fn boolean(value: &[u8]) -> Option<bool> {
    match kind(value)? {
        Kind::Bool => Some(value[0] == b't'),
        Kind::Number => match number(value) {
            Number::Int(v) => Some(v != 0),
            Number::UInt(v) => Some(v != 0),
            Number::Big | Number::Float(_) => None,
        },
        Kind::Null | Kind::String | Kind::Array | Kind::Object => None,
    }
}

fn extract<R: Default>(
    args: &[TypedColumn],
    rows: usize,
    convert: impl Fn(&[u8]) -> Option<R>,
) -> Result<Vec<R>, FunctionError> {
    let mut out = Vec::with_capacity(rows);
    each_found(args, &args[1..], rows, |found| {
        out.push(found.and_then(&convert).unwrap_or_default());
    })?;
    Ok(out)
}

/// A value as `ty`; `None` when it does not fit.
fn typed(value: &[u8], ty: &DataType) -> Option<Value> {
    match ty {
        DataType::LowCardinality(inner) => typed(value, inner),
        DataType::Nullable(inner) => Some(typed(value, inner).unwrap_or(Value::Null)),
        DataType::String => {
            let mut out = Vec::new();
            if kind(value)? == Kind::Null {
                return None;
            }
            write_text(value, &mut out);
            Some(Value::String(out))
        }
        DataType::Bool => boolean(value).map(|b| Value::UInt(u64::from(b))),
        DataType::Float32 | DataType::Float64 => number_of(value).map(Value::Float),
        ty if ty.is_integer() => {
            let v = match kind(value)? {
                Kind::Bool => i128::from(value[0] == b't'),
                _ => integer(value)?,
            };
            let bits = 8 * crate::supertype::width(ty) as u32;
            if ty.is_signed() {
                let limit = 1i128 << (bits - 1);
                (-limit..limit).contains(&v).then_some(Value::Int(v as i64))
            } else {
                (0..1i128 << bits).contains(&v).then_some(Value::UInt(v as u64))
            }
        }
        DataType::Array(element) => {
            if kind(value)? != Kind::Array {
                return None;
            }
            let items = children(value).into_iter();
            Some(Value::Array(
                items.map(|(_, v)| typed_or_default(v, element)).collect(),
            ))
        }
        DataType::Tuple(elements) => {
            let of = children(value);
            let object = match kind(value)? {
                Kind::Object => true,
                Kind::Array => false,
                Kind::Null | Kind::Bool | Kind::Number | Kind::String => return None,
            };
            let pick = |i: usize, name: &Option<String>| match name {
                Some(name) if object => descend(value, &[Step::Key(name.as_bytes())]),
                _ => of.get(i).map(|(_, v)| *v),
            };
            Some(Value::Tuple(
                elements
                    .iter()
                    .enumerate()
                    .map(|(i, (name, ty))| {
                        pick(i, name).map_or_else(|| default(ty), |v| typed_or_default(v, ty))
                    })
                    .collect(),
            ))
        }
        DataType::Map(key, of) => {
            if kind(value)? != Kind::Object {
                return None;
            }
            let pairs = children(value).into_iter().map(|(k, v)| {
                Value::Tuple(vec![
                    parse_bytes(&string_body(k), key).unwrap_or_else(|_| default(key)),
                    typed_or_default(v, of),
                ])
            });
            Some(Value::Array(pairs.collect()))
        }
        other => match kind(value)? {
            Kind::String => parse_bytes(&string_body(value), other).ok(),
            Kind::Number => parse_bytes(value, other).ok(),
            Kind::Null | Kind::Bool | Kind::Array | Kind::Object => None,
        },
    }
}

fn default(ty: &DataType) -> Value {
    Column::defaults(ty, 1).value(0)
}

fn typed_or_default(value: &[u8], ty: &DataType) -> Value {
    typed(value, ty).unwrap_or_else(|| default(ty))
}

fn extract_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    path_types("JSONExtract", &args[..args.len() - 1])?;
    let name = constant_string(args, args.len() - 1, "JSONExtract")?;
    DataType::parse(&name).map_err(|e| FunctionError::new(50, e.to_string()))
}

fn extract_typed(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let last = args.len() - 1;
    let name = String::from_utf8_lossy(Strings::of(&args[last].column)?.get(0)).into_owned();
    let ty = DataType::parse(&name).map_err(|e| FunctionError::new(50, e.to_string()))?;
    let mut values = Vec::with_capacity(rows);
    each_found(args, &args[1..last], rows, |found| {
        values.push(found.map_or_else(|| default(&ty), |v| typed_or_default(v, &ty)));
    })?;
    Ok(Column::from_values(&ty, &values))
}

/// An array column grown row by row from strings.
struct StringArrays {
    offsets: Vec<u32>,
    values: StringColumnBuilder,
}

impl StringArrays {
    fn new(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            offsets,
            values: StringColumnBuilder::with_capacity(rows, rows * 8),
        }
    }

    fn end_row(&mut self) {
        self.offsets.push(row(self.values.len()));
    }
}

fn keys(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let mut out = StringArrays::new(rows);
    each_found(args, &args[1..], rows, |found| {
        if let Some(value) = found.filter(|v| kind(v) == Some(Kind::Object)) {
            for (key, _) in children(value) {
                unescape(&key[1..key.len() - 1], out.values.arena());
                out.values.end_row();
            }
        }
        out.end_row();
    })?;
    Ok(Column::Array(ArrayColumn {
        offsets: out.offsets.into(),
        values: Box::new(Column::String(out.values.finish())),
    }))
}

fn keys_and_values_raw(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let mut names = StringArrays::new(rows);
    let mut values = StringColumnBuilder::with_capacity(rows, rows * 8);
    each_found(args, &args[1..], rows, |found| {
        if let Some(object) = found.filter(|v| kind(v) == Some(Kind::Object)) {
            for (key, value) in children(object) {
                unescape(&key[1..key.len() - 1], names.values.arena());
                names.values.end_row();
                reprint(value, values.arena());
                values.end_row();
            }
        }
        names.end_row();
    })?;
    let len = values.len();
    Ok(Column::Array(ArrayColumn {
        offsets: names.offsets.into(),
        values: Box::new(Column::Tuple(TupleColumn {
            elements: vec![
                Column::String(names.values.finish()),
                Column::String(values.finish()),
            ],
            len,
        })),
    }))
}

fn keys_and_values(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let DataType::Array(pair) = result else {
        return Err(FunctionError::form("arrays"));
    };
    let DataType::Tuple(pair) = &**pair else {
        return Err(FunctionError::form("tuples"));
    };
    let ty = &pair[1].1;
    let mut values = Vec::with_capacity(rows);
    each_found(args, &args[1..args.len() - 1], rows, |found| {
        let members = found
            .filter(|v| kind(v) == Some(Kind::Object))
            .map(children)
            .unwrap_or_default();
        let pairs = members
            .into_iter()
            .filter_map(|(k, v)| Some(Value::Tuple(vec![Value::String(string_body(k)), typed(v, ty)?])));
        values.push(Value::Array(pairs.collect()));
    })?;
    Ok(Column::from_values(result, &values))
}

fn array_raw(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let mut out = StringArrays::new(rows);
    each_found(args, &args[1..], rows, |found| {
        if let Some(value) = found.filter(|v| kind(v) == Some(Kind::Array)) {
            for (_, item) in children(value) {
                reprint(item, out.values.arena());
                out.values.end_row();
            }
        }
        out.end_row();
    })?;
    Ok(Column::Array(ArrayColumn {
        offsets: out.offsets.into(),
        values: Box::new(Column::String(out.values.finish())),
    }))
}

fn pairs_type(value: DataType) -> DataType {
    DataType::Tuple(vec![(None, DataType::String), (None, value)]).array()
}

fn json_type(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 6);
    each_found(args, &args[1..], rows, |found| {
        let name: &[u8] = match found.and_then(|v| Some((kind(v)?, v))) {
            None | Some((Kind::Null, _)) => b"Null",
            Some((Kind::Bool, _)) => b"Bool",
            Some((Kind::String, _)) => b"String",
            Some((Kind::Array, _)) => b"Array",
            Some((Kind::Object, _)) => b"Object",
            Some((Kind::Number, v)) => match number(v) {
                Number::Int(_) => b"Int64",
                Number::UInt(_) => b"UInt64",
                Number::Float(_) => b"Double",
                // What is printed of it is in quotes.
                Number::Big => b"String",
            },
        };
        out.push(name);
    })?;
    Ok(Column::String(out.finish()))
}

/// `visitParam…(text, name)`: `each` gets what follows `"name":`.
fn visit_each(
    args: &[TypedColumn],
    rows: usize,
    mut each: impl FnMut(Option<&[u8]>),
) -> Result<(), FunctionError> {
    let (texts, names) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let quoted = |name: &[u8]| [b"\"", name, b"\":"].concat();
    let constant = names.constant().map(quoted);
    for i in 0..rows {
        match &constant {
            Some(key) => each(visit(texts.get(i), key)),
            None => each(visit(texts.get(i), &quoted(names.get(i)))),
        }
    }
    Ok(())
}

fn visit_type(args: &[Argument<'_>], ty: DataType) -> Result<DataType, FunctionError> {
    match args.iter().find(|a| !a.ty.is_string()) {
        Some(other) => Err(FunctionError::new(
            ILLEGAL_TYPE,
            format!("Illegal type {} of argument of visitParam function", other.ty),
        )),
        None => Ok(ty),
    }
}

fn visit_strings(
    args: &[TypedColumn],
    rows: usize,
    write: impl Fn(&[u8], &mut Vec<u8>),
) -> Result<Column, FunctionError> {
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 8);
    visit_each(args, rows, |rest| {
        if let Some(rest) = rest {
            write(rest, out.arena());
        }
        out.end_row();
    })?;
    Ok(Column::String(out.finish()))
}

/// The number at the front of `rest`, as far as it goes.
fn leading_number(rest: &[u8]) -> &[u8] {
    let len = rest
        .iter()
        .position(|c| !matches!(c, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
        .unwrap_or(rest.len());
    &rest[..len]
}

fn visit_float(rest: &[u8]) -> f64 {
    parse_float(leading_number(rest)).unwrap_or(0.0)
}

fn visit_integer(rest: &[u8]) -> i128 {
    let text = leading_number(rest);
    match std::str::from_utf8(text).ok().and_then(|s| s.parse().ok()) {
        Some(v) => v,
        None => visit_float(rest) as i128,
    }
}

macro_rules! on_path {
    ($name:literal, $ty:expr, $eval:expr) => {
        Definition::new($name, (1, ANY), |a| path_types($name, a).map(|()| $ty), $eval)
    };
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    on_path!("JSONExtractRaw", DataType::String, extract_raw),
    on_path!("JSONExtractString", DataType::String, extract_string),
    on_path!("JSONExtractInt", DataType::Int64, |a, _, n| {
        let values = extract(a, n, |v| i64::try_from(integer(v)?).ok())?;
        Ok(Column::Int64(values.into()))
    }),
    on_path!("JSONExtractUInt", DataType::UInt64, |a, _, n| {
        let values = extract(a, n, |v| u64::try_from(integer(v)?).ok())?;
        Ok(Column::UInt64(values.into()))
    }),
    on_path!("JSONExtractFloat", DataType::Float64, |a, _, n| {
        Ok(Column::Float64(extract(a, n, number_of)?.into()))
    }),
    on_path!("JSONExtractBool", DataType::UInt8, |a, _, n| {
        Ok(Column::UInt8(extract(a, n, |v| boolean(v).map(u8::from))?.into()))
    }),
    on_path!("JSONExtractKeys", DataType::String.array(), keys),
    on_path!(
        "JSONExtractKeysAndValuesRaw",
        pairs_type(DataType::String),
        keys_and_values_raw
    ),
    on_path!("JSONExtractArrayRaw", DataType::String.array(), array_raw),
    Definition::new(
        "JSONExtractKeysAndValues",
        (2, ANY),
        |a| extract_type(a).map(pairs_type),
        keys_and_values,
    ),
    Definition::new("JSONExtract", (2, ANY), extract_type, extract_typed),
    on_path!("JSONHas", DataType::UInt8, |a, _, n| {
        let mut out = Vec::with_capacity(n);
        each_found(a, &a[1..], n, |found| out.push(u8::from(found.is_some())))?;
        Ok(Column::UInt8(out.into()))
    }),
    on_path!("JSONType", DataType::String, json_type),
    on_path!("JSONLength", DataType::UInt64, |a, _, n| {
        Ok(Column::UInt64(
            extract(a, n, |v| Some(children(v).len() as u64))?.into(),
        ))
    }),
    Definition::new(
        "isValidJSON",
        (1, 1),
        |a| visit_type(a, DataType::UInt8),
        |a, _, n| {
            let texts = Strings::of(&a[0].column)?;
            Ok(Column::UInt8(
                (0..n)
                    .map(|i| u8::from(document(texts.get(i)).is_some()))
                    .collect(),
            ))
        },
    ),
    Definition::new(
        "visitParamExtractRaw",
        (2, 2),
        |a| visit_type(a, DataType::String),
        |a, _, n| visit_strings(a, n, |rest, out| out.extend_from_slice(visit_raw(rest))),
    ),
    Definition::new(
        "visitParamExtractString",
        (2, 2),
        |a| visit_type(a, DataType::String),
        |a, _, n| {
            visit_strings(a, n, |rest, out| {
                if rest.first() == Some(&b'"') {
                    let quoted = visit_raw(rest);
                    if quoted.len() >= 2 {
                        unescape(&quoted[1..quoted.len() - 1], out);
                    }
                }
            })
        },
    ),
    Definition::new(
        "visitParamExtractInt",
        (2, 2),
        |a| visit_type(a, DataType::Int64),
        |a, _, n| {
            let mut out = Vec::with_capacity(n);
            visit_each(a, n, |rest| out.push(rest.map_or(0, |r| visit_integer(r) as i64)))?;
            Ok(Column::Int64(out.into()))
        },
    ),
    Definition::new(
        "visitParamExtractUInt",
        (2, 2),
        |a| visit_type(a, DataType::UInt64),
        |a, _, n| {
            let mut out = Vec::with_capacity(n);
            visit_each(a, n, |rest| out.push(rest.map_or(0, |r| visit_integer(r) as u64)))?;
            Ok(Column::UInt64(out.into()))
        },
    ),
    Definition::new(
        "visitParamExtractFloat",
        (2, 2),
        |a| visit_type(a, DataType::Float64),
        |a, _, n| {
            let mut out = Vec::with_capacity(n);
            visit_each(a, n, |rest| out.push(rest.map_or(0.0, visit_float)))?;
            Ok(Column::Float64(out.into()))
        },
    ),
    Definition::new(
        "visitParamExtractBool",
        (2, 2),
        |a| visit_type(a, DataType::UInt8),
        |a, _, n| {
            let mut out = Vec::with_capacity(n);
            visit_each(a, n, |rest| {
                out.push(rest.map_or(0, |r| u8::from(r.starts_with(b"true"))))
            })?;
            Ok(Column::UInt8(out.into()))
        },
    ),
    Definition::new(
        "visitParamHas",
        (2, 2),
        |a| visit_type(a, DataType::UInt8),
        |a, _, n| {
            let mut out = Vec::with_capacity(n);
            visit_each(a, n, |rest| out.push(u8::from(rest.is_some())))?;
            Ok(Column::UInt8(out.into()))
        },
    ),
];

#[cfg(test)]
mod tests;
