//! Decompression that stops at a limit: what a body inflates to is the sender's choice.

use std::io::Read;

use crate::error::CaptureError;

/// Found by its magic bytes: some clients announce gzip nowhere.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 0x08])
}

pub(crate) fn gzip(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CaptureError> {
    read_capped(flate2::read::MultiGzDecoder::new(bytes), bytes, bytes_max, "gzip")
}

pub(crate) fn zlib(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CaptureError> {
    read_capped(flate2::read::ZlibDecoder::new(bytes), bytes, bytes_max, "deflate")
}

pub(crate) fn brotli(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CaptureError> {
    read_capped(
        brotli_decompressor::Decompressor::new(bytes, 4096),
        bytes,
        bytes_max,
        "br",
    )
}

pub(crate) fn zstd(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CaptureError> {
    let undecodable = |_| CaptureError::Undecodable { encoding: "zstd" };
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(undecodable)?;
    // A frame may ask for a window of gigabytes; 2^23 = 8 MiB is what every encoder stays within by default.
    decoder.window_log_max(23).map_err(undecodable)?;
    read_capped(decoder, bytes, bytes_max, "zstd")
}

fn read_capped(
    decoder: impl Read,
    bytes: &[u8],
    bytes_max: usize,
    encoding: &'static str,
) -> Result<Vec<u8>, CaptureError> {
    // JSON of events packs about six to one; a bomb gets no more at once than an honest body.
    let mut inflated = Vec::with_capacity((bytes.len().saturating_mul(6)).min(bytes_max));
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(limit)
        .read_to_end(&mut inflated)
        .map_err(|_| CaptureError::Undecodable { encoding })?;
    if inflated.len() > bytes_max {
        Err(CaptureError::TooLarge { bytes_max })
    } else {
        Ok(inflated)
    }
}
