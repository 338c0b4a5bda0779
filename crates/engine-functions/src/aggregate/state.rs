//! The suffixes -State and -Merge: results that are states, and states as arguments.

use engine_types::{AggregateType, Column, DataType, StringColumn, Value};

use super::state_bytes::{StateReader, begin};
use super::{Aggregate, Make, arity, downcast, illegal, resolve};
use crate::error::{BAD_ARGUMENTS, ILLEGAL_TYPE, UNKNOWN_AGGREGATE};
use crate::operand::{Strings, row};
use crate::{Accumulator, FunctionError};

/// Finishes with the states of the inner aggregate.
struct Stated {
    inner: Box<dyn Accumulator>,
    groups: usize,
}

impl Accumulator for Stated {
    fn resize(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
        self.inner.resize(groups);
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        self.inner.update(groups, args)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        self.inner.merge(downcast::<Self>(other)?.inner, groups)
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let mut states = vec![begin(); self.groups];
        self.inner.save(&mut states)?;
        Ok(Column::String(states.into_iter().collect::<StringColumn>()))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        self.inner.save(out)
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        self.inner.load(input)
    }

    fn byte_size(&self) -> usize {
        // Their bytes are made while they are still there.
        2 * self.inner.byte_size()
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// Merges states, and finishes with the results of the inner aggregate.
struct Merging {
    inner: Box<dyn Accumulator>,
    make: std::sync::Arc<Make>,
}

impl Accumulator for Merging {
    fn resize(&mut self, groups: usize) {
        self.inner.resize(groups);
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let Some(states) = args.first() else {
            return Err(FunctionError::form("states"));
        };
        let states = Strings::of(states)?;
        let (mut of, mut readers) = (Vec::new(), Vec::new());
        for (i, &group) in groups.iter().enumerate() {
            if let Some(reader) = StateReader::open(states.get(i))? {
                of.push(group);
                readers.push(reader);
            }
        }
        if readers.is_empty() {
            return Ok(());
        }
        let mut loaded = (self.make)();
        loaded.resize(readers.len());
        loaded.load(&mut readers)?;
        readers.iter().try_for_each(StateReader::end)?;
        self.inner.merge(loaded, &of)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        self.inner.merge(downcast::<Self>(other)?.inner, groups)
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        self.inner.finish()
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        self.inner.save(out)
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        self.inner.load(input)
    }

    fn byte_size(&self) -> usize {
        self.inner.byte_size()
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// The aggregate with its states for results.
pub(super) fn stated(
    inner: Aggregate,
    function: &str,
    params: &[Value],
    args: &[DataType],
) -> Result<Aggregate, FunctionError> {
    // The state of merged states is one of the same kind.
    let ty = match function.strip_suffix("Merge") {
        Some(merged) => merged_type(merged, params, args)?,
        None => AggregateType {
            function: function.to_owned(),
            params: params.iter().map(literal).collect::<Result<_, _>>()?,
            args: args.to_vec(),
        },
    };
    let ty = DataType::AggregateFunction(Box::new(ty));
    let make = inner.make;
    Ok(Aggregate {
        name: inner.name,
        returns: ty,
        make: Box::new(move || {
            Box::new(Stated {
                inner: make(),
                groups: 0,
            })
        }),
    })
}

/// `function`Merge over states of that function.
pub(super) fn merging(
    function: &str,
    params: &[Value],
    args: &[DataType],
) -> Result<Aggregate, FunctionError> {
    merging_of(&merged_type(function, params, args)?)
}

/// The states that `function`Merge makes of its argument: with the parameters given, as states do not depend on them;
/// with those of the states where the function needs some.
fn merged_type(function: &str, params: &[Value], args: &[DataType]) -> Result<AggregateType, FunctionError> {
    let name = format!("{function}Merge");
    arity(&name, args, 1)?;
    let DataType::AggregateFunction(state) = &args[0] else {
        return Err(illegal(&name, &args[0]));
    };
    if super::canonical(&state.function) != super::canonical(function) {
        return Err(illegal(&name, &args[0]));
    }
    let asked = AggregateType {
        params: params.iter().map(literal).collect::<Result<_, _>>()?,
        ..AggregateType::clone(state)
    };
    if params.is_empty() && of_type(&asked).is_err() {
        return Ok(AggregateType::clone(state));
    }
    Ok(asked)
}

fn merging_of(state: &AggregateType) -> Result<Aggregate, FunctionError> {
    let inner = of_type(state)?;
    let make = std::sync::Arc::new(inner.make);
    Ok(Aggregate {
        name: inner.name,
        returns: inner.returns,
        make: Box::new(move || {
            Box::new(Merging {
                inner: make(),
                make: make.clone(),
            })
        }),
    })
}

/// The function that a type names.
fn of_type(state: &AggregateType) -> Result<Aggregate, FunctionError> {
    resolve(&state.function, &parameters(state)?, &state.args).unwrap_or_else(|| {
        Err(FunctionError::new(
            UNKNOWN_AGGREGATE,
            format!("Unknown aggregate function {}", state.function),
        ))
    })
}

fn state_of(ty: &DataType) -> Result<&AggregateType, FunctionError> {
    match ty {
        DataType::AggregateFunction(state) => Ok(state),
        other => Err(FunctionError::new(
            ILLEGAL_TYPE,
            format!("Illegal type {other} of argument, should be a state of an aggregate function."),
        )),
    }
}

/// Type of the result that a state stands for.
pub(crate) fn finished_type(ty: &DataType) -> Result<DataType, FunctionError> {
    Ok(merging_of(state_of(ty)?)?.returns)
}

/// The results that states stand for.
pub(crate) fn finished(states: &Column, ty: &DataType) -> Result<Column, FunctionError> {
    let mut merging = (merging_of(state_of(ty)?)?.make)();
    merging.resize(states.len());
    let groups: Vec<u32> = (0..states.len()).map(row).collect();
    merging.update(&groups, std::slice::from_ref(states))?;
    merging.finish()
}

/// One state for each of `count` groups: state `i` goes into group `groups[i]`.
pub fn merge_states(
    states: &Column,
    ty: &DataType,
    groups: &[u32],
    count: usize,
) -> Result<Column, FunctionError> {
    let merging = merging_of(state_of(ty)?)?.make;
    let mut stated = Stated {
        inner: merging(),
        groups: 0,
    };
    stated.resize(count);
    stated.update(groups, std::slice::from_ref(states))?;
    stated.finish()
}

/// A parameter as a literal of SQL.
fn literal(value: &Value) -> Result<String, FunctionError> {
    Ok(match value {
        Value::UInt(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Float(v) => format!("{v:?}"),
        Value::String(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
        }
        Value::Null => "NULL".to_owned(),
        Value::Uuid(_) | Value::Array(_) | Value::Tuple(_) => {
            return Err(FunctionError::new(
                BAD_ARGUMENTS,
                "states of aggregate functions with such a parameter are not supported",
            ));
        }
    })
}

fn parameters(state: &AggregateType) -> Result<Vec<Value>, FunctionError> {
    state.params.iter().map(|text| parameter(text)).collect()
}

/// Undoes [`literal`].
pub(super) fn parameter(text: &str) -> Result<Value, FunctionError> {
    let quoted = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\''));
    if let Some(quoted) = quoted {
        let mut out = String::with_capacity(quoted.len());
        let mut chars = quoted.chars();
        while let Some(c) = chars.next() {
            out.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
        return Ok(Value::string(out));
    }
    if text == "NULL" {
        return Ok(Value::Null);
    }
    let bad = |_| {
        FunctionError::new(
            BAD_ARGUMENTS,
            format!("`{text}` is no parameter of an aggregate function"),
        )
    };
    text.parse()
        .map(Value::UInt)
        .or_else(|_| text.parse().map(Value::Int))
        .or_else(|_| text.parse().map(Value::Float))
        .map_err(bad)
}
