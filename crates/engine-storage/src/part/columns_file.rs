//! `columns.txt`: the columns that a part has, their types, compression and encoding.

use engine_codec::{CodeWidth, Compression};
use engine_types::DataType;

use super::name::{escape, unescape};

pub(crate) const COLUMNS_FILE: &str = "columns.txt";
const FIRST_LINE: &str = "columns format version: 1";
/// The only layout so far: a file pair per column. Compact parts will say `compact`.
const LAYOUT_LINE: &str = "layout: wide";

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
    pub compression: Compression,
    pub encoding: Encoding,
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

pub(crate) fn columns_to_text(columns: &[PartColumn]) -> String {
    let mut out = format!("{FIRST_LINE}\n{LAYOUT_LINE}\n");
    for column in columns {
        let encoding = match column.encoding {
            Encoding::Plain => "plain".to_owned(),
            Encoding::Dictionary(width) => format!("dictionary{}", width.bytes()),
        };
        out.push_str(&format!(
            "{}\t{}\t{}\t{encoding}\n",
            escape(&column.name),
            column.ty,
            column.compression
        ));
    }
    out
}

pub(crate) fn parse_columns(text: &str) -> Result<Vec<PartColumn>, String> {
    let mut lines = text.lines();
    for expected in [FIRST_LINE, LAYOUT_LINE] {
        let line = lines.next().unwrap_or_default();
        if line != expected {
            return Err(format!("`{line}` where `{expected}` belongs"));
        }
    }
    lines.map(parse_line).collect()
}

fn parse_line(line: &str) -> Result<PartColumn, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, ty, compression, encoding] = fields.as_slice() else {
        return Err(format!(
            "`{line}` is not a name, a type, a compression and an encoding"
        ));
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
        compression: parse_compression(compression)?,
        encoding,
    })
}

fn parse_compression(text: &str) -> Result<Compression, String> {
    match text {
        "NONE" => Ok(Compression::None),
        "LZ4" => Ok(Compression::Lz4),
        other => other
            .strip_prefix("ZSTD(")
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|level| level.parse().ok())
            .map(Compression::Zstd)
            .ok_or_else(|| format!("unknown compression `{other}`")),
    }
}
