//! Reads little-endian numbers and runs of bytes from a slice, checking every bound.

use crate::CodecError;

/// A cursor over bytes that may be damaged.
#[derive(Clone, Debug)]
pub struct ByteReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> ByteReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn offset(&self) -> usize {
        self.at
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn is_at_end(&self) -> bool {
        self.remaining() == 0
    }

    /// The next `len` bytes; `what` names them in the error.
    pub fn take(&mut self, what: &'static str, len: usize) -> Result<&'a [u8], CodecError> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..len) else {
            return Err(CodecError::CutOff {
                what,
                offset: self.at,
                needed: len,
                left: rest.len(),
            });
        };
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CodecError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(what, N)?);
        Ok(out)
    }

    pub fn u8(&mut self, what: &'static str) -> Result<u8, CodecError> {
        Ok(self.array::<1>(what)?[0])
    }

    pub fn u16(&mut self, what: &'static str) -> Result<u16, CodecError> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32, CodecError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &'static str) -> Result<u64, CodecError> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub fn u128(&mut self, what: &'static str) -> Result<u128, CodecError> {
        self.array(what).map(u128::from_le_bytes)
    }

    /// `u32` length, then that many bytes.
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], CodecError> {
        let len = self.u32(what)? as usize;
        self.take(what, len)
    }

    /// `u32` length, then that many bytes of UTF-8.
    pub fn text(&mut self, what: &'static str) -> Result<String, CodecError> {
        let offset = self.at;
        String::from_utf8(self.bytes(what)?.to_vec()).map_err(|_| CodecError::Damaged {
            what,
            offset,
            problem: "not UTF-8".to_owned(),
        })
    }

    /// An error about the bytes at the present offset.
    pub fn damaged(&self, what: &'static str, problem: impl Into<String>) -> CodecError {
        CodecError::Damaged {
            what,
            offset: self.at,
            problem: problem.into(),
        }
    }
}
