//! Strings of a column: one byte arena and an array of end offsets.

use crate::Buffer;

/// Byte strings (not necessarily UTF-8, as in ClickHouse). Row `i` is `bytes[offsets[i]..offsets[i + 1]]`.
///
/// `offsets` has one entry more than there are rows and never decreases; the first entry need not be 0 (slices).
#[derive(Clone, Debug)]
pub struct StringColumn {
    offsets: Buffer<u32>,
    bytes: Buffer<u8>,
}

impl StringColumn {
    /// Panics when `offsets` is empty, decreasing, or points past `bytes`.
    pub fn new(offsets: Buffer<u32>, bytes: Buffer<u8>) -> Self {
        assert!(!offsets.is_empty(), "a string column needs len + 1 offsets");
        assert!(offsets.is_sorted(), "string offsets must not decrease");
        assert!(
            offsets[offsets.len() - 1] as usize <= bytes.len(),
            "string offsets past the bytes"
        );
        Self { offsets, bytes }
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }

    /// End offsets with a leading start, and the arena they point into.
    pub fn parts(&self) -> (&[u32], &[u8]) {
        (&self.offsets, &self.bytes)
    }

    /// Total bytes of the rows of this (slice of a) column.
    pub fn byte_len(&self) -> usize {
        (self.offsets[self.len()] - self.offsets[0]) as usize
    }

    /// As [`Buffer::allocation`], of both buffers.
    pub fn allocations(&self) -> [(usize, usize); 2] {
        [self.offsets.allocation(), self.bytes.allocation()]
    }

    pub fn slice(&self, start: usize, len: usize) -> Self {
        Self {
            offsets: self.offsets.slice(start, len + 1),
            bytes: self.bytes.clone(),
        }
    }
}

impl<S: AsRef<[u8]>> FromIterator<S> for StringColumn {
    fn from_iter<I: IntoIterator<Item = S>>(iter: I) -> Self {
        let iter = iter.into_iter();
        let mut builder = StringColumnBuilder::with_capacity(iter.size_hint().0, 0);
        for s in iter {
            builder.push(s.as_ref());
        }
        builder.finish()
    }
}

/// Appends strings; panics past 4 GiB of bytes, which block size limits keep far away.
#[derive(Debug)]
pub struct StringColumnBuilder {
    offsets: Vec<u32>,
    bytes: Vec<u8>,
}

impl Default for StringColumnBuilder {
    fn default() -> Self {
        Self::with_capacity(0, 0)
    }
}

impl StringColumnBuilder {
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            offsets,
            bytes: Vec::with_capacity(bytes),
        }
    }

    #[inline]
    pub fn push(&mut self, s: &[u8]) {
        self.bytes.extend_from_slice(s);
        self.end_row();
    }

    /// The arena, to write the bytes of the current row in place; call [`Self::end_row`] afterwards.
    pub fn arena(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the current row at the end of the arena.
    #[inline]
    pub fn end_row(&mut self) {
        self.offsets
            .push(u32::try_from(self.bytes.len()).expect("a string column holds less than 4 GiB"));
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn finish(self) -> StringColumn {
        StringColumn {
            offsets: self.offsets.into(),
            bytes: self.bytes.into(),
        }
    }
}
