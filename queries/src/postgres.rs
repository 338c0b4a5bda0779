//! What only this store needs to know about Postgres.

pub(crate) mod execute;
pub(crate) mod failure;
pub(crate) mod pattern;
pub(crate) mod stored_text;
pub(crate) mod text_form;
