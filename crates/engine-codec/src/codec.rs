//! What `CODEC(…)` says about a column: a chain of codecs, or nothing, which leaves the choice to the writer.

use engine_types::DataType;

use crate::Compression;
use crate::step::{Step, Width};
use crate::stream::{StreamKind, stream_kinds};

/// One codec of a chain. Transformations without a width take that of the column's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    Compress(Compression),
    /// Bytes of a number: 1, 2, 4 or 8.
    Delta(Option<u8>),
    DoubleDelta(Option<u8>),
    Gorilla(Option<u8>),
    T64,
}

/// How the blocks of a column are written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ColumnCodec {
    /// The smallest of what a sample of the rows suggests, chosen for each part.
    #[default]
    Auto,
    /// In this order when writing.
    Chain(Vec<Codec>),
}

/// Why a chain is refused, with the code of ClickHouse's error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecMisuse {
    #[error("unknown codec `{0}`")]
    Unknown(String),
    #[error("codec {codec}: {problem}")]
    Parameter { codec: &'static str, problem: String },
    #[error("codec {codec} takes {expected}")]
    ParameterCount {
        codec: &'static str,
        expected: &'static str,
    },
    #[error("codec {codec} cannot have parameters")]
    NoParameters { codec: &'static str },
    #[error("codec {codec} does not work on type {ty}")]
    Type { codec: Codec, ty: String },
    #[error("codec T64 does not work on type {ty}")]
    T64Type { ty: String },
    #[error("{codec} does not compress anything: add a compression behind it, as in `{codec}, LZ4`")]
    NothingCompressed { codec: String },
    #[error("{chain}: nothing can follow {first}")]
    AfterCompression { chain: String, first: Codec },
    #[error("{chain}: codec Gorilla is for floating-point columns, not for {ty}")]
    NotFloat { chain: String, ty: String },
    #[error("a list of codecs is empty")]
    Empty,
}

impl CodecMisuse {
    /// ClickHouse's number of the error.
    pub fn code(&self) -> u32 {
        match self {
            Self::Unknown(_) => 432,
            Self::NoParameters { .. } => 378,
            Self::Parameter { .. } => 433,
            Self::ParameterCount { .. } | Self::T64Type { .. } => 431,
            Self::Type { .. }
            | Self::NothingCompressed { .. }
            | Self::AfterCompression { .. }
            | Self::NotFloat { .. }
            | Self::Empty => 36,
        }
    }
}

const ZSTD_LEVEL_DEFAULT: i32 = 1;
const LZ4HC_LEVEL_DEFAULT: u8 = 9;

impl Codec {
    /// A codec by name and parameters as written; `DEFAULT` is LZ4 inside a chain.
    pub fn parse(name: &str, parameters: &[&str]) -> Result<Self, CodecMisuse> {
        let upper = name.to_ascii_uppercase();
        let one = |codec: &'static str| match parameters {
            [] => Ok(None),
            [one] => Ok(Some((codec, *one))),
            _ => Err(CodecMisuse::ParameterCount {
                codec,
                expected: "one parameter",
            }),
        };
        let none = |codec: &'static str, value: Self| {
            if parameters.is_empty() {
                Ok(value)
            } else {
                Err(CodecMisuse::NoParameters { codec })
            }
        };
        Ok(match upper.as_str() {
            "NONE" => none("NONE", Self::Compress(Compression::None))?,
            "LZ4" | "DEFAULT" => none("LZ4", Self::Compress(Compression::Lz4))?,
            "LZ4HC" => Self::Compress(Compression::Lz4High(match one("LZ4HC")? {
                None => LZ4HC_LEVEL_DEFAULT,
                // 0 is the default there, and everything above the highest level the highest.
                Some(parameter) => match number(parameter, 0, 255)? {
                    0 => LZ4HC_LEVEL_DEFAULT,
                    level => level.min(12) as u8,
                },
            })),
            "ZSTD" => Self::Compress(Compression::Zstd(match one("ZSTD")? {
                None => ZSTD_LEVEL_DEFAULT,
                Some(parameter) => number(parameter, 0, 22)?,
            })),
            "DELTA" => Self::Delta(one("Delta")?.map(width_parameter).transpose()?),
            "DOUBLEDELTA" => Self::DoubleDelta(one("DoubleDelta")?.map(width_parameter).transpose()?),
            "GORILLA" => Self::Gorilla(one("Gorilla")?.map(width_parameter).transpose()?),
            // Both variants of ClickHouse's are read here as one, whose bits always lie apart.
            "T64" => match parameters
                .iter()
                .map(|p| p.trim_matches('\''))
                .collect::<Vec<_>>()[..]
            {
                [] | ["bit" | "byte"] => Self::T64,
                _ => {
                    return Err(CodecMisuse::Parameter {
                        codec: "T64",
                        problem: "the parameter is 'bit' or 'byte'".to_owned(),
                    });
                }
            },
            _ => return Err(CodecMisuse::Unknown(name.to_owned())),
        })
    }

    fn is_compression(self) -> bool {
        match self {
            Self::Compress(_) => true,
            Self::Delta(_) | Self::DoubleDelta(_) | Self::Gorilla(_) | Self::T64 => false,
        }
    }

    /// Whether a chain may end with it.
    fn makes_smaller(self) -> bool {
        !matches!(self, Self::Delta(_))
    }

    /// What it does to numbers of a column.
    fn step(self, width: Width) -> Step {
        let wide = |given: Option<u8>| {
            given
                .and_then(|bytes| Width::from_bytes(usize::from(bytes)))
                .unwrap_or(width)
        };
        match self {
            Self::Compress(compression) => Step::Compress(compression),
            Self::Delta(given) => Step::Delta(wide(given)),
            Self::DoubleDelta(given) => Step::DoubleDelta(wide(given)),
            Self::Gorilla(given) => Step::Gorilla(wide(given)),
            Self::T64 => Step::T64(width),
        }
    }

    fn check(self, ty: &DataType, kind: StreamKind) -> Result<(), CodecMisuse> {
        let refused = || CodecMisuse::Type {
            codec: self,
            ty: ty.to_string(),
        };
        let numbers = match kind {
            StreamKind::Numbers { width, .. } if width != Width::W16 => true,
            StreamKind::Numbers { .. } | StreamKind::Text => false,
            // Compressed by the last codec alone.
            StreamKind::Lengths | StreamKind::Nulls => return Ok(()),
        };
        let (is_text, is_float) = match kind {
            StreamKind::Numbers {
                is_text, is_float, ..
            } => (is_text, is_float),
            StreamKind::Text | StreamKind::Lengths | StreamKind::Nulls => (true, false),
        };
        match self {
            Self::Compress(_) | Self::Delta(Some(_)) => Ok(()),
            Self::Delta(None) if numbers => Ok(()),
            Self::DoubleDelta(_) | Self::Gorilla(_) if numbers && !is_text => Ok(()),
            Self::T64 if numbers && !is_text && !is_float => Ok(()),
            Self::T64 => Err(CodecMisuse::T64Type { ty: ty.to_string() }),
            Self::Delta(None) | Self::DoubleDelta(_) | Self::Gorilla(_) => Err(refused()),
        }
    }
}

fn number(parameter: (&'static str, &str), least: i32, greatest: i32) -> Result<i32, CodecMisuse> {
    let (codec, text) = parameter;
    match text.parse() {
        Ok(level) if (least..=greatest).contains(&level) => Ok(level),
        _ => Err(CodecMisuse::Parameter {
            codec,
            problem: format!("`{text}` is not a level from {least} to {greatest}"),
        }),
    }
}

fn width_parameter(parameter: (&'static str, &str)) -> Result<u8, CodecMisuse> {
    let (codec, text) = parameter;
    match text.parse() {
        Ok(bytes @ (1 | 2 | 4 | 8)) => Ok(bytes),
        _ => Err(CodecMisuse::Parameter {
            codec,
            problem: format!("`{text}` is none of 1, 2, 4 and 8 bytes"),
        }),
    }
}

impl ColumnCodec {
    /// One compression and nothing else.
    pub fn of(compression: Compression) -> Self {
        Self::Chain(vec![Codec::Compress(compression)])
    }

    /// Refuses chains that make no sense for the type, by the rules of ClickHouse.
    pub fn check(&self, ty: &DataType) -> Result<(), CodecMisuse> {
        let Self::Chain(chain) = self else {
            return Ok(());
        };
        let Some((last, before)) = chain.split_last() else {
            return Err(CodecMisuse::Empty);
        };
        let mut kinds = Vec::new();
        stream_kinds(ty, &mut kinds);
        for codec in chain {
            for kind in &kinds {
                codec.check(ty, *kind)?;
            }
        }
        if let Some(first) = before.iter().find(|codec| codec.is_compression()) {
            return Err(CodecMisuse::AfterCompression {
                chain: self.to_string(),
                first: *first,
            });
        }
        if let (Codec::Compress(Compression::None), false) = (last, before.is_empty()) {
            return Err(CodecMisuse::NothingCompressed {
                codec: self.to_string(),
            });
        }
        let all_float = kinds.iter().all(|kind| match kind {
            StreamKind::Numbers { is_float, .. } => *is_float,
            StreamKind::Text => false,
            StreamKind::Lengths | StreamKind::Nulls => true,
        });
        if !all_float && chain.iter().any(|codec| matches!(codec, Codec::Gorilla(_))) {
            return Err(CodecMisuse::NotFloat {
                chain: self.to_string(),
                ty: ty.to_string(),
            });
        }
        if !chain.iter().any(|codec| codec.makes_smaller()) {
            return Err(CodecMisuse::NothingCompressed {
                codec: self.to_string(),
            });
        }
        Ok(())
    }

    /// What is done to a stream of this kind: transformations only to numbers, compression to everything. `None` when
    /// the writer chooses.
    pub(crate) fn steps(&self, kind: StreamKind) -> Option<Vec<Step>> {
        let Self::Chain(chain) = self else {
            return None;
        };
        let width = match kind {
            StreamKind::Numbers { width, .. } => width,
            StreamKind::Text => Width::W1,
            StreamKind::Lengths | StreamKind::Nulls => {
                let compressions = chain.iter().filter(|codec| codec.is_compression());
                return Some(compressions.map(|codec| codec.step(Width::W1)).collect());
            }
        };
        Some(chain.iter().map(|codec| codec.step(width)).collect())
    }

    /// The compression at the end, for files that are bytes and not numbers.
    pub fn compression(&self) -> Compression {
        match self {
            Self::Auto => Compression::default(),
            Self::Chain(chain) => match chain.last() {
                Some(Codec::Compress(compression)) => *compression,
                _ => Compression::default(),
            },
        }
    }

    /// Whether all streams are compressed alike, as plain bytes.
    pub(crate) fn only_compression(&self) -> Option<Compression> {
        match self {
            Self::Chain(chain) => match chain.as_slice() {
                [Codec::Compress(compression)] => Some(*compression),
                _ => None,
            },
            Self::Auto => None,
        }
    }
}

impl std::fmt::Display for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, width) = match self {
            Self::Compress(compression) => return compression.fmt(f),
            Self::Delta(width) => ("Delta", width),
            Self::DoubleDelta(width) => ("DoubleDelta", width),
            Self::Gorilla(width) => ("Gorilla", width),
            Self::T64 => ("T64", &None),
        };
        match width {
            Some(bytes) => write!(f, "{name}({bytes})"),
            None => f.write_str(name),
        }
    }
}

/// As inside the parentheses of `CODEC(…)`.
impl std::fmt::Display for ColumnCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("Auto"),
            Self::Chain(chain) => {
                for (at, codec) in chain.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    codec.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}
