//! Names of parts, `<partition>_<min>_<max>_<level>`, and the escaping of names in paths.

use std::fmt;

/// Which inserts a part holds. Blocks are numbered per table and partition; one flush is one block.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartName {
    pub partition: String,
    pub min_block: u64,
    pub max_block: u64,
    /// 0 = never merged.
    pub level: u32,
}

impl PartName {
    /// Reads a folder name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.rsplitn(4, '_');
        let level = fields.next()?.parse().ok()?;
        let max_block = fields.next()?.parse().ok()?;
        let min_block = fields.next()?.parse().ok()?;
        let partition = unescape(fields.next()?)?;
        let name = Self {
            partition,
            min_block,
            max_block,
            level,
        };
        (min_block <= max_block && name.to_string() == text).then_some(name)
    }

    /// Whether this part holds all rows of `other`: it is what `other` was merged into.
    pub fn covers(&self, other: &Self) -> bool {
        self.partition == other.partition
            && self.min_block <= other.min_block
            && self.max_block >= other.max_block
            && self.level > other.level
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}_{}_{}_{}",
            escape(&self.partition),
            self.min_block,
            self.max_block,
            self.level
        )
    }
}

/// A name as one path element: all but ASCII letters, digits, `_` and `-` as `%XX`.
pub fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Undoes [`escape`].
pub fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}
