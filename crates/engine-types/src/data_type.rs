//! The types of SQL values, with ClickHouse's names.

use std::fmt;

use chrono_tz::Tz;

use crate::AggregateType;

/// Unit of an `INTERVAL`; also of date arithmetic and truncation functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntervalUnit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl IntervalUnit {
    pub const ALL: [Self; 8] = [
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Year,
    ];

    /// `Second`, `Minute`, …: the suffix of `IntervalX`, `toIntervalX`, `addXs`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Second => "Second",
            Self::Minute => "Minute",
            Self::Hour => "Hour",
            Self::Day => "Day",
            Self::Week => "Week",
            Self::Month => "Month",
            Self::Quarter => "Quarter",
            Self::Year => "Year",
        }
    }

    /// Case-free, singular or plural: `day`, `DAYS`.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let singular = lower.strip_suffix('s').unwrap_or(&lower);
        Self::ALL
            .into_iter()
            .find(|unit| unit.name().eq_ignore_ascii_case(singular))
    }
}

/// A SQL type. The comment of each variant names the physical column variant that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Of the literal NULL: `Nullable(Nothing)`. Physical `UInt8`.
    Nothing,
    /// Physical `UInt8`, 0 or 1.
    Bool,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    /// Physical `String`.
    String,
    /// Physical `String`, every value exactly this many bytes.
    FixedString(usize),
    /// Physical `Uuid` (big-endian number of the 16 bytes).
    Uuid,
    /// Days since 1970-01-01. Physical `UInt16`.
    Date,
    /// Seconds since the epoch, shown in the zone (UTC when none). Physical `UInt32`.
    DateTime(Option<Tz>),
    /// Ticks of 10^-precision seconds since the epoch (precision 0..=9). Physical `Int64`.
    DateTime64(u8, Option<Tz>),
    /// Physical `Int64`.
    Interval(IntervalUnit),
    Nullable(Box<DataType>),
    /// Same values as the inner type, dictionary-coded where it helps. Physical: as the inner type, or `Dict`.
    LowCardinality(Box<DataType>),
    Array(Box<DataType>),
    /// Elements with their names, where the tuple is named.
    Tuple(Vec<(Option<String>, DataType)>),
    /// Physical `Array(Tuple(key, value))`.
    Map(Box<DataType>, Box<DataType>),
    /// A state of an aggregate that can be merged and finished later. Physical `String`: bytes of the function's own
    /// format, none for a state without rows.
    AggregateFunction(Box<AggregateType>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeParseError {
    #[error("unknown data type `{0}`")]
    Unknown(String),
    #[error("bad parameters of data type `{0}`")]
    Parameters(String),
    #[error("unknown time zone `{0}`")]
    TimeZone(String),
}

impl DataType {
    pub fn nullable(self) -> Self {
        match self {
            Self::Nullable(_) => self,
            Self::LowCardinality(inner) => Self::LowCardinality(Box::new(inner.nullable())),
            other => Self::Nullable(Box::new(other)),
        }
    }

    pub fn array(self) -> Self {
        Self::Array(Box::new(self))
    }

    pub fn is_nullable(&self) -> bool {
        match self {
            Self::Nullable(_) => true,
            Self::LowCardinality(inner) => inner.is_nullable(),
            _ => false,
        }
    }

    /// The type without `Nullable` and `LowCardinality` around it.
    pub fn bare(&self) -> &Self {
        match self {
            Self::Nullable(inner) | Self::LowCardinality(inner) => inner.bare(),
            other => other,
        }
    }

    /// The type without `LowCardinality` around it.
    pub fn without_low_cardinality(&self) -> &Self {
        match self {
            Self::LowCardinality(inner) => inner,
            other => other,
        }
    }

    pub fn is_integer(&self) -> bool {
        self.is_unsigned() || self.is_signed()
    }

    /// Unsigned integers, Bool included.
    pub fn is_unsigned(&self) -> bool {
        matches!(
            self,
            Self::Bool | Self::UInt8 | Self::UInt16 | Self::UInt32 | Self::UInt64
        )
    }

    pub fn is_signed(&self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64)
    }

    pub fn is_float(&self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }

    pub fn is_number(&self) -> bool {
        self.is_integer() || self.is_float()
    }

    pub fn is_string(&self) -> bool {
        matches!(self, Self::String | Self::FixedString(_))
    }

    pub fn is_time(&self) -> bool {
        matches!(self, Self::Date | Self::DateTime(_) | Self::DateTime64(..))
    }

    /// Reads a type as `Display` prints it, and ClickHouse's aliases (`VARCHAR`, `Boolean`, …).
    pub fn parse(text: &str) -> Result<Self, TypeParseError> {
        let text = text.trim();
        let (name, arguments) = match text.find('(') {
            Some(open) if text.ends_with(')') => (
                text[..open].trim(),
                split_arguments(&text[open + 1..text.len() - 1]),
            ),
            Some(_) => return Err(TypeParseError::Parameters(text.to_owned())),
            None => (text, Vec::new()),
        };
        let bad = || TypeParseError::Parameters(text.to_owned());
        let zone = |argument: &str| -> Result<Tz, TypeParseError> {
            let name = argument
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''))
                .ok_or_else(bad)?;
            name.parse()
                .map_err(|_| TypeParseError::TimeZone(name.to_owned()))
        };
        let one = || match arguments.as_slice() {
            [one] => Self::parse(one),
            _ => Err(bad()),
        };
        let simple = match name.to_ascii_lowercase().as_str() {
            "nothing" => Some(Self::Nothing),
            "bool" | "boolean" => Some(Self::Bool),
            "uint8" => Some(Self::UInt8),
            "uint16" => Some(Self::UInt16),
            "uint32" => Some(Self::UInt32),
            "uint64" => Some(Self::UInt64),
            "int8" | "tinyint" => Some(Self::Int8),
            "int16" | "smallint" => Some(Self::Int16),
            "int32" | "int" | "integer" => Some(Self::Int32),
            "int64" | "bigint" => Some(Self::Int64),
            "float32" | "float" => Some(Self::Float32),
            "float64" | "double" => Some(Self::Float64),
            "string" | "varchar" | "text" => return Ok(Self::String),
            "uuid" => Some(Self::Uuid),
            "date" => Some(Self::Date),
            _ => None,
        };
        if let Some(simple) = simple {
            return if arguments.is_empty() {
                Ok(simple)
            } else {
                Err(bad())
            };
        }
        match (name, arguments.as_slice()) {
            ("FixedString", [n]) => n.parse().map(Self::FixedString).map_err(|_| bad()),
            ("DateTime", []) => Ok(Self::DateTime(None)),
            ("DateTime", [tz]) => Ok(Self::DateTime(Some(zone(tz)?))),
            ("DateTime64", []) => Ok(Self::DateTime64(3, None)),
            ("DateTime64", [precision, rest @ ..]) if rest.len() <= 1 => {
                let precision = precision.parse().ok().filter(|p| *p <= 9).ok_or_else(bad)?;
                Ok(Self::DateTime64(
                    precision,
                    rest.first().map(|tz| zone(tz)).transpose()?,
                ))
            }
            ("Nullable", _) => Ok(Self::Nullable(Box::new(one()?))),
            ("LowCardinality", _) => Ok(Self::LowCardinality(Box::new(one()?))),
            ("Array", _) => Ok(Self::Array(Box::new(one()?))),
            ("Map", [key, value]) => Ok(Self::Map(
                Box::new(Self::parse(key)?),
                Box::new(Self::parse(value)?),
            )),
            ("AggregateFunction", [function, args @ ..]) => {
                let (name, params) = match function.split_once('(') {
                    Some((name, rest)) => {
                        let params = rest.strip_suffix(')').ok_or_else(bad)?;
                        (name, split_arguments(params))
                    }
                    None => (*function, Vec::new()),
                };
                let is_name = |name: &str| {
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                };
                if !is_name(name.trim()) {
                    return Err(bad());
                }
                Ok(Self::AggregateFunction(Box::new(AggregateType {
                    function: name.trim().to_owned(),
                    params: params.into_iter().map(str::to_owned).collect(),
                    args: args.iter().map(|a| Self::parse(a)).collect::<Result<_, _>>()?,
                })))
            }
            // The function says how merges join values; the values are those of the type.
            ("SimpleAggregateFunction", [_, ty]) => Self::parse(ty),
            ("Tuple", elements) => elements
                .iter()
                .map(|e| parse_element(e))
                .collect::<Result<_, _>>()
                .map(Self::Tuple),
            (name, []) => match name.strip_prefix("Interval").and_then(IntervalUnit::parse) {
                Some(unit) => Ok(Self::Interval(unit)),
                None => Err(TypeParseError::Unknown(name.to_owned())),
            },
            (name, _) => Err(TypeParseError::Unknown(name.to_owned())),
        }
    }
}

/// A tuple element: `Type` or `name Type`.
fn parse_element(text: &str) -> Result<(Option<String>, DataType), TypeParseError> {
    let text = text.trim();
    let head = text
        .find(|c: char| c.is_whitespace() || c == '(')
        .unwrap_or(text.len());
    if text[head..].starts_with(char::is_whitespace) {
        let name = text[..head].trim_matches('`').to_owned();
        return Ok((Some(name), DataType::parse(&text[head..])?));
    }
    Ok((None, DataType::parse(text)?))
}

/// Splits at commas outside parentheses and quotes.
fn split_arguments(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let (mut depth, mut quoted, mut start, mut out) = (0usize, false, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                out.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(text[start..].trim());
    out
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Bool => f.write_str("Bool"),
            Self::UInt8 => f.write_str("UInt8"),
            Self::UInt16 => f.write_str("UInt16"),
            Self::UInt32 => f.write_str("UInt32"),
            Self::UInt64 => f.write_str("UInt64"),
            Self::Int8 => f.write_str("Int8"),
            Self::Int16 => f.write_str("Int16"),
            Self::Int32 => f.write_str("Int32"),
            Self::Int64 => f.write_str("Int64"),
            Self::Float32 => f.write_str("Float32"),
            Self::Float64 => f.write_str("Float64"),
            Self::String => f.write_str("String"),
            Self::FixedString(n) => write!(f, "FixedString({n})"),
            Self::Uuid => f.write_str("UUID"),
            Self::Date => f.write_str("Date"),
            Self::DateTime(None) => f.write_str("DateTime"),
            Self::DateTime(Some(tz)) => write!(f, "DateTime('{}')", tz.name()),
            Self::DateTime64(p, None) => write!(f, "DateTime64({p})"),
            Self::DateTime64(p, Some(tz)) => write!(f, "DateTime64({p}, '{}')", tz.name()),
            Self::Interval(unit) => write!(f, "Interval{}", unit.name()),
            Self::Nullable(inner) => write!(f, "Nullable({inner})"),
            Self::LowCardinality(inner) => write!(f, "LowCardinality({inner})"),
            Self::Array(inner) => write!(f, "Array({inner})"),
            Self::Map(key, value) => write!(f, "Map({key}, {value})"),
            Self::AggregateFunction(state) => write!(f, "AggregateFunction({state})"),
            Self::Tuple(elements) => {
                f.write_str("Tuple(")?;
                for (i, (name, ty)) in elements.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    if let Some(name) = name {
                        write!(f, "{name} ")?;
                    }
                    write!(f, "{ty}")?;
                }
                f.write_str(")")
            }
        }
    }
}
