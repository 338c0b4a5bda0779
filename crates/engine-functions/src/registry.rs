//! Names to functions.

use std::collections::HashMap;
use std::sync::LazyLock;

use engine_types::{DataType, Value};

use crate::array_fold::ArrayFold;
use crate::definition::Definition;
use crate::{AggregateFunction, FunctionError, HigherOrderFunction, ScalarFunction};

/// Other names of functions, as ClickHouse has them.
const ALIASES: &[(&str, &str)] = &[
    ("mod", "modulo"),
    ("DATE", "toDate"),
    ("toStartOfFiveMinute", "toStartOfFiveMinutes"),
    ("date_trunc", "dateTrunc"),
    ("date_diff", "dateDiff"),
    ("timestamp_diff", "dateDiff"),
    ("timestampDiff", "dateDiff"),
    ("date_add", "dateAdd"),
    ("timestamp_add", "dateAdd"),
    ("timestampAdd", "dateAdd"),
    ("date_sub", "dateSub"),
    ("timestamp_sub", "dateSub"),
    ("timestampSub", "dateSub"),
    ("year", "toYear"),
    ("quarter", "toQuarter"),
    ("month", "toMonth"),
    ("day", "toDayOfMonth"),
    ("dayOfMonth", "toDayOfMonth"),
    ("dayOfYear", "toDayOfYear"),
    ("dayOfWeek", "toDayOfWeek"),
    ("hour", "toHour"),
    ("minute", "toMinute"),
    ("second", "toSecond"),
    ("week", "toWeek"),
    ("yearweek", "toYearWeek"),
    ("last_day", "toLastDayOfMonth"),
    ("timezoneOf", "timeZoneOf"),
    ("toTimezone", "toTimeZone"),
    ("DATE_FORMAT", "formatDateTime"),
    ("FROM_UNIXTIME", "fromUnixTimestamp"),
    ("simpleJSONExtractRaw", "visitParamExtractRaw"),
    ("simpleJSONExtractString", "visitParamExtractString"),
    ("simpleJSONExtractInt", "visitParamExtractInt"),
    ("simpleJSONExtractUInt", "visitParamExtractUInt"),
    ("simpleJSONExtractFloat", "visitParamExtractFloat"),
    ("simpleJSONExtractBool", "visitParamExtractBool"),
    ("simpleJSONHas", "visitParamHas"),
    ("lcase", "lower"),
    ("ucase", "upper"),
    ("substr", "substring"),
    ("mid", "substring"),
    ("byteSlice", "substring"),
    ("strpos", "position"),
    ("trim", "trimBoth"),
    ("ltrim", "trimLeft"),
    ("rtrim", "trimRight"),
    ("replace", "replaceAll"),
    ("REGEXP_REPLACE", "replaceRegexpAll"),
    ("REGEXP_EXTRACT", "extract"),
    ("REGEXP_MATCHES", "match"),
    ("lpad", "leftPad"),
    ("rpad", "rightPad"),
    ("CHAR_LENGTH", "lengthUTF8"),
    ("OCTET_LENGTH", "length"),
    ("flatten", "arrayFlatten"),
    ("ceiling", "ceil"),
    ("truncate", "trunc"),
    ("ln", "log"),
    ("power", "pow"),
    ("FORMAT_BYTES", "formatReadableSize"),
    ("caseWithoutExpression", "multiIf"),
    ("caseWithoutExpr", "multiIf"),
];

/// Functions whose names ClickHouse takes in any case.
const ANY_CASE: &[&str] = &[
    "plus",
    "abs",
    "if",
    "coalesce",
    "ifNull",
    "nullIf",
    "isNull",
    "least",
    "greatest",
    "CAST",
    "mod",
    "DATE",
    "date_trunc",
    "dateTrunc",
    "date_diff",
    "dateDiff",
    "timestamp_diff",
    "timestampDiff",
    "date_add",
    "dateAdd",
    "date_sub",
    "dateSub",
    "timestamp_add",
    "timestamp_sub",
    "year",
    "quarter",
    "month",
    "day",
    "dayOfMonth",
    "dayOfYear",
    "dayOfWeek",
    "hour",
    "minute",
    "second",
    "week",
    "yearweek",
    "last_day",
    "DATE_FORMAT",
    "FROM_UNIXTIME",
    "lower",
    "upper",
    "lcase",
    "ucase",
    "length",
    "concat",
    "substring",
    "substr",
    "mid",
    "position",
    "locate",
    "trim",
    "ltrim",
    "rtrim",
    "replace",
    "reverse",
    "lpad",
    "rpad",
    "repeat",
    "left",
    "right",
    "round",
    "floor",
    "ceil",
    "ceiling",
    "truncate",
    "sqrt",
    "exp",
    "log",
    "ln",
    "log2",
    "log10",
    "pow",
    "power",
    "sin",
    "cos",
    "tan",
    "sign",
    "pi",
    "greatest",
    "hex",
    "unhex",
    "version",
    "flatten",
    "REGEXP_REPLACE",
    "REGEXP_EXTRACT",
    "REGEXP_MATCHES",
    "CHAR_LENGTH",
    "OCTET_LENGTH",
];

struct Registry {
    scalar: HashMap<&'static str, &'static Definition>,
    any_case: HashMap<String, &'static str>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let families: [&'static [Definition]; 14] = [
        crate::arithmetic::FUNCTIONS,
        crate::comparison::FUNCTIONS,
        crate::logic::FUNCTIONS,
        crate::conditional::FUNCTIONS,
        crate::json::FUNCTIONS,
        crate::strings::FUNCTIONS,
        crate::search::FUNCTIONS,
        crate::tokens::FUNCTIONS,
        crate::arrays::FUNCTIONS,
        crate::array_reduce::FUNCTIONS,
        crate::tuples::FUNCTIONS,
        crate::math::FUNCTIONS,
        crate::hash::FUNCTIONS,
        crate::aggregate_calls::FUNCTIONS,
    ];
    let mut scalar: HashMap<&'static str, &'static Definition> = HashMap::new();
    for definition in families
        .into_iter()
        .flatten()
        .chain(crate::conversion::functions())
        .chain(crate::dates::functions())
    {
        let earlier = scalar.insert(ScalarFunction::name(definition), definition);
        debug_assert!(
            earlier.is_none(),
            "two functions named {}",
            ScalarFunction::name(definition)
        );
    }
    for (alias, name) in ALIASES {
        if let Some(definition) = scalar.get(name).copied() {
            scalar.insert(alias, definition);
        }
    }
    let any_case = ANY_CASE
        .iter()
        .map(|name| (name.to_ascii_lowercase(), *name))
        .collect();
    Registry { scalar, any_case }
});

/// The scalar function of that name (case-free where ClickHouse is case-free).
pub fn scalar(name: &str) -> Option<&'static dyn ScalarFunction> {
    let registry = &*REGISTRY;
    let definition = registry.scalar.get(name).or_else(|| {
        let canonical = registry.any_case.get(&name.to_ascii_lowercase())?;
        registry.scalar.get(canonical)
    })?;
    Some(*definition as &dyn ScalarFunction)
}

/// The function that takes a lambda first. A name may be both this and [`scalar`] (`arraySum(x)`, `arraySum(f, x)`).
pub fn higher_order(name: &str) -> Option<&'static dyn HigherOrderFunction> {
    if name == HigherOrderFunction::name(&ArrayFold) {
        return Some(&ArrayFold);
    }
    crate::higher_order::FUNCTIONS
        .iter()
        .find(|f| HigherOrderFunction::name(*f) == name)
        .map(|f| f as &dyn HigherOrderFunction)
}

/// The aggregate `name(params)(args)`, combinators resolved. `None`: no aggregate of that name.
pub fn aggregate(
    name: &str,
    params: &[Value],
    args: &[DataType],
) -> Option<Result<Box<dyn AggregateFunction>, FunctionError>> {
    let resolved = crate::aggregate::resolve(name, params, args)?;
    Some(resolved.map(|f| Box::new(f) as Box<dyn AggregateFunction>))
}

/// All names, sorted, for error suggestions and `system.functions`.
pub fn function_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = REGISTRY.scalar.keys().copied().collect();
    names.extend(
        crate::higher_order::FUNCTIONS
            .iter()
            .map(HigherOrderFunction::name),
    );
    names.push(HigherOrderFunction::name(&ArrayFold));
    names.extend(crate::aggregate::NAMES);
    names.sort_unstable();
    names.dedup();
    names
}
