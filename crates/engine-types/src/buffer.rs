//! A shared, sliceable array of fixed-width values: what columns are made of.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// An immutable run of `T`. Cloning and slicing are O(1) and share the allocation.
#[derive(Clone)]
pub struct Buffer<T> {
    data: Arc<Vec<T>>,
    start: usize,
    len: usize,
}

impl<T> Buffer<T> {
    /// The half-open range `start..start + len` of this buffer, sharing its memory. Panics when out of range.
    pub fn slice(&self, start: usize, len: usize) -> Self {
        assert!(
            start <= self.len && len <= self.len - start,
            "slice {start}+{len} of {}",
            self.len
        );
        Self {
            data: self.data.clone(),
            start: self.start + start,
            len,
        }
    }
}

impl<T> Buffer<T> {
    /// Where the whole allocation is and how many bytes it has; equal addresses are one allocation.
    pub fn allocation(&self) -> (usize, usize) {
        (
            Arc::as_ptr(&self.data).addr(),
            self.data.capacity() * size_of::<T>(),
        )
    }
}

impl<T: Clone> Buffer<T> {
    /// The values as an owned vector; free when this is the only handle to the whole allocation.
    pub fn into_vec(self) -> Vec<T> {
        if self.start == 0 && self.len == self.data.len() {
            match Arc::try_unwrap(self.data) {
                Ok(vec) => vec,
                Err(shared) => shared.as_ref().clone(),
            }
        } else {
            self.to_vec()
        }
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(data: Vec<T>) -> Self {
        let len = data.len();
        Self {
            data: Arc::new(data),
            start: 0,
            len,
        }
    }
}

impl<T> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        iter.into_iter().collect::<Vec<T>>().into()
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.data[self.start..self.start + self.len]
    }
}

impl<T: fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: PartialEq> PartialEq for Buffer<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
