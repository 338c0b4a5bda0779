//! What a query is bound with: the time, parameters, the current database and settings.

use std::collections::{BTreeMap, HashMap};

use engine_types::{DataType, Value};

use super::{Binder, setting_names::check_setting};
use crate::{
    ast::{FromItem, Literal, Query, SetExpr, Setting, TableSource},
    error::SqlError,
};

#[derive(Clone, Debug, Default)]
pub struct BindContext {
    /// Microseconds since the epoch: what `now()`, `today()` and the like stand for.
    pub now_micros: i64,
    /// Database of names without one.
    pub database: String,
    pub parameters: HashMap<String, ParameterValue>,
    /// Settings of the session, values as text.
    pub settings: BTreeMap<String, String>,
}

/// Value of a `{name:Type}`.
#[derive(Clone, Debug)]
pub enum ParameterValue {
    /// Text form of the type in the query, as `param_name` of the HTTP interface gives it.
    Text(String),
    Value(Value, DataType),
}

impl Binder<'_> {
    /// Takes the SETTINGS of the outermost SELECTs. Those of sub-queries are checked where they are bound.
    pub(super) fn apply_settings(&mut self, query: &Query) -> Result<(), SqlError> {
        self.apply_body(&query.body)?;
        self.apply(&query.settings)
    }

    fn apply_body(&mut self, body: &SetExpr) -> Result<(), SqlError> {
        match body {
            SetExpr::Select(select) => {
                // `SELECT * FROM (SELECT … SETTINGS …)`: inner ones count unless the outer says otherwise.
                for item in &select.from {
                    let table = match item {
                        FromItem::Table(table) => table,
                        FromItem::Join(join) => &join.table,
                        FromItem::ArrayJoin(_) => continue,
                    };
                    if let TableSource::Query(inner) = &table.source {
                        self.apply_settings(inner)?;
                    }
                }
                self.apply(&select.settings)
            }
            SetExpr::Operation { inputs, .. } => inputs.iter().try_for_each(|input| self.apply_body(input)),
        }
    }

    fn apply(&mut self, settings: &[Setting]) -> Result<(), SqlError> {
        for setting in settings {
            check_setting(&setting.name)?;
            self.settings
                .insert(setting.name.clone(), setting_text(&setting.value));
        }
        Ok(())
    }
}

/// A setting's value as text: numbers as written, booleans as 0 and 1.
pub(super) fn setting_text(value: &Literal) -> String {
    match value {
        Literal::Null => String::new(),
        Literal::Bool(on) => u8::from(*on).to_string(),
        Literal::Number(text) => text.clone(),
        Literal::String(text) => String::from_utf8_lossy(text).into_owned(),
    }
}
