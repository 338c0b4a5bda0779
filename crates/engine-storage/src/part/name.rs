//! Names of parts, `<partition>_<min>_<max>_<level>[_<mutation>]`, and the escaping of names in paths.

use std::fmt;

/// Which inserts a part holds. Blocks are numbered per table and partition; one flush is one block.
///
/// Names sort by partition, then in the order of insertion; of two versions of one part the newer is greater.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartName {
    pub partition: String,
    pub min_block: u64,
    pub max_block: u64,
    /// 0 = never merged.
    pub level: u32,
    /// Number of the last mutation that rewrote the part, written behind the level; `None` = never mutated. A merge
    /// has the greatest of its sources.
    pub mutation: Option<u64>,
}

impl PartName {
    /// Of a part that an insert made.
    pub fn inserted(partition: impl Into<String>, block: u64) -> Self {
        Self {
            partition: partition.into(),
            min_block: block,
            max_block: block,
            level: 0,
            mutation: None,
        }
    }

    /// Of what `sources`, neighbours in one partition, are merged into. `None` when there are none.
    pub fn merged<'a>(sources: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut sources = sources.into_iter();
        let mut name = sources.next()?.clone();
        for source in sources {
            name.min_block = name.min_block.min(source.min_block);
            name.max_block = name.max_block.max(source.max_block);
            name.level = name.level.max(source.level);
            name.mutation = name.mutation.max(source.mutation);
        }
        name.level += 1;
        Some(name)
    }

    /// Of the same rows after mutation `number`.
    #[must_use]
    pub fn mutated(&self, number: u64) -> Self {
        Self {
            mutation: Some(number),
            ..self.clone()
        }
    }

    /// What is in it: mutations of greater numbers are yet to be done.
    pub fn data_version(&self) -> u64 {
        self.mutation.unwrap_or(self.min_block)
    }

    /// Reads a folder name.
    pub fn parse(text: &str) -> Option<Self> {
        // A partition has no `_` in a name (see `Display`), so that the number of fields tells them apart.
        let fields: Vec<&str> = text.split('_').collect();
        let (partition, numbers, mutation) = match fields.as_slice() {
            [partition, numbers @ .., mutation] if numbers.len() == 3 => (partition, numbers, Some(mutation)),
            [partition, numbers @ ..] if numbers.len() == 3 => (partition, numbers, None),
            _ => return None,
        };
        let [min_block, max_block, level] = numbers else {
            return None;
        };
        let name = Self {
            partition: unescape(partition)?,
            min_block: min_block.parse().ok()?,
            max_block: max_block.parse().ok()?,
            level: level.parse().ok()?,
            mutation: mutation.map(|m| m.parse()).transpose().ok()?,
        };
        (name.min_block <= name.max_block && name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}_{}_{}_{}",
            escape(&self.partition).replace('_', "%5F"),
            self.min_block,
            self.max_block,
            self.level
        )?;
        match self.mutation {
            None => Ok(()),
            Some(number) => write!(f, "_{number}"),
        }
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

#[cfg(test)]
mod tests;
