//! `columns.txt`: the columns that a part has, their types, codecs and encodings.

use engine_codec::CodeWidth;
use engine_types::DataType;

use super::name::{escape, unescape};

pub(crate) const COLUMNS_FILE: &str = "columns.txt";
const FIRST_LINE: &str = "columns format version: 2";
/// Without the number of raw bytes.
const FIRST_LINE_V1: &str = "columns format version: 1";

/// How the files of a part lie in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Each file for itself.
    Wide,
    /// All files in one.
    Compact,
}

impl Layout {
    fn line(self) -> &'static str {
        match self {
            Self::Wide => "layout: wide",
            Self::Compact => "layout: compact",
        }
    }

    /// As ClickHouse calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wide => "Wide",
            Self::Compact => "Compact",
        }
    }
}

/// How the rows of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    /// Codes of this width into `<column>.dict`.
    Dictionary(CodeWidth),
}

/// A column of a part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartColumn {
    pub name: String,
    pub ty: DataType,
    /// What the writer used, for people: every block says for itself how it is read.
    pub codec: String,
    pub encoding: Encoding,
    /// Bytes before compression; 0 when the part is too old to know.
    pub raw_bytes: u64,
}

impl PartColumn {
    pub fn data_file(&self) -> String {
        format!("{}.bin", escape(&self.name))
    }

    pub fn marks_file(&self) -> String {
        format!("{}.mrk2", escape(&self.name))
    }

    pub fn dictionary_file(&self) -> String {
        format!("{}.dict", escape(&self.name))
    }
}

pub(crate) fn columns_to_text(columns: &[PartColumn], layout: Layout) -> String {
    let mut out = format!("{FIRST_LINE}\n{}\n", layout.line());
    for column in columns {
        let encoding = match column.encoding {
            Encoding::Plain => "plain".to_owned(),
            Encoding::Dictionary(width) => format!("dictionary{}", width.bytes()),
        };
        out.push_str(&format!(
            "{}\t{}\t{}\t{encoding}\t{}\n",
            escape(&column.name),
            column.ty,
            column.codec,
            column.raw_bytes
        ));
    }
    out
}

pub(crate) fn parse_columns(text: &str) -> Result<Vec<PartColumn>, String> {
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default();
    if ![FIRST_LINE, FIRST_LINE_V1].contains(&version) {
        return Err(format!("`{version}` where `{FIRST_LINE}` belongs"));
    }
    let layout = lines.next().unwrap_or_default();
    if ![Layout::Wide.line(), Layout::Compact.line()].contains(&layout) {
        return Err(format!("`{layout}` is no layout"));
    }
    lines
        .map(|line| parse_line(line, version == FIRST_LINE_V1))
        .collect()
}

fn parse_line(line: &str, is_v1: bool) -> Result<PartColumn, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let (name, ty, codec, encoding, raw_bytes) = match fields.as_slice() {
        [name, ty, codec, encoding] if is_v1 => (name, ty, codec, encoding, Some(0)),
        [name, ty, codec, encoding, raw] if !is_v1 => (name, ty, codec, encoding, raw.parse().ok()),
        _ => {
            return Err(format!(
                "`{line}` is not a name, a type, a codec, an encoding and a number of bytes"
            ));
        }
    };
    let encoding = match *encoding {
        "plain" => Encoding::Plain,
        other => other
            .strip_prefix("dictionary")
            .and_then(|width| width.parse().ok())
            .and_then(CodeWidth::from_bytes)
            .map(Encoding::Dictionary)
            .ok_or_else(|| format!("unknown encoding `{other}`"))?,
    };
    Ok(PartColumn {
        name: unescape(name).ok_or_else(|| format!("`{name}` is not an escaped name"))?,
        ty: DataType::parse(ty).map_err(|e| e.to_string())?,
        codec: (*codec).to_owned(),
        encoding,
        raw_bytes: raw_bytes.ok_or_else(|| format!("`{line}` ends in no number of bytes"))?,
    })
}
