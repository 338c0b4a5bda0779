//! Slices of values to bytes and back: column encodings, row keys, compression, block frames, checksums. No IO.
//!
//! Bytes that are read back are never trusted: every decoder answers a [`CodecError`] with an offset, never panics,
//! and never allocates more than the bytes in hand (or a fixed limit) justify. Formats: `docs/format/`.

mod bits;
mod block_encoder;
mod byte_reader;
mod choice;
mod codec;
mod column_decoder;
mod column_encoder;
mod compression;
mod dictionary;
mod distinct_values;
mod error;
mod frame;
mod lz4_high;
mod number_runs;
mod physical;
mod pipeline;
mod row_key;
mod step;
mod stream;
mod value_bytes;

pub use bits::{BitReader, BitWriter, width_of};
pub use block_encoder::BlockEncoder;
pub use byte_reader::ByteReader;
pub use codec::{Codec, CodecMisuse, ColumnCodec};
pub use column_decoder::{ColumnDecoder, decode_codes, decode_column};
pub use column_encoder::{encode_codes, encode_column, encode_streams};
pub use compression::{Compression, lz4_compress, lz4_decompress};
pub use dictionary::{CodeWidth, Dictionary};
pub use distinct_values::DistinctValues;
pub use error::CodecError;
pub use frame::{
    FRAME_HEADER_BYTES, FrameHeader, RAW_BYTES_MAX, decode_frame, decode_frame_of_numbers, encode_frame,
    parse_frame_header,
};
pub use number_runs::{FrameNumbers, NumberRuns, number_width};
pub use physical::{has_form, plain};
pub use row_key::{row_keys, write_row_key};
pub use value_bytes::{decode_value, encode_value};

/// Hash of the on-disk checksums: XXH3 of 128 bits.
pub fn hash128(bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(bytes)
}

/// Hash of log records and look-up keys: XXH3 of 64 bits.
pub fn hash64(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

#[cfg(test)]
mod tests;
