//! `CODEC(…)` of a column definition: read, and refused where it makes no sense for the column's type.

use engine_sql::ast::{self, CreateTable, Literal};
use engine_storage::{Codec, CodecMisuse, ColumnCodec};
use engine_types::DataType;

use crate::error::{EngineError, Result};
use crate::shape::TableColumn;

/// What the list says, for a column of type `ty`.
pub(crate) fn column_codec(list: &[ast::Expr], ty: &DataType) -> Result<ColumnCodec> {
    let refused = |misuse: CodecMisuse| EngineError::refused(misuse.code(), misuse.to_string());
    if let [only] = list
        && name_and_parameters(only)?.0.eq_ignore_ascii_case("Default")
    {
        return Ok(ColumnCodec::Auto);
    }
    let chain = list
        .iter()
        .map(|codec| {
            let (name, parameters) = name_and_parameters(codec)?;
            let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
            Codec::parse(&name, &parameters).map_err(refused)
        })
        .collect::<Result<Vec<_>>>()?;
    let codec = ColumnCodec::Chain(chain);
    codec.check(ty).map_err(refused)?;
    Ok(codec)
}

/// What the list says for columns of any type, which leave out what does not suit them.
pub(crate) fn default_codec(list: &[ast::Expr]) -> Result<ColumnCodec> {
    column_codec(list, &DataType::UInt64).or_else(|_| column_codec(list, &DataType::Float64))
}

/// Refuses the first column whose codecs make no sense. `columns` are those of `create`, resolved.
pub(crate) fn check_codecs(create: &CreateTable, columns: &[TableColumn]) -> Result<()> {
    for (def, column) in create.columns.iter().zip(columns) {
        if let Some(list) = &def.codec {
            column_codec(list, &column.ty)?;
        }
    }
    Ok(())
}

fn name_and_parameters(codec: &ast::Expr) -> Result<(String, Vec<String>)> {
    match codec {
        ast::Expr::Identifier(parts) => Ok((parts.join("."), Vec::new())),
        ast::Expr::Function(f) => {
            let parameters = f.args.iter().map(|arg| match arg {
                ast::Expr::Literal(Literal::Number(n)) => n.clone(),
                other => other.to_string(),
            });
            Ok((f.name.clone(), parameters.collect()))
        }
        // `NONE` and `NULL` are no identifiers everywhere.
        other => Ok((other.to_string(), Vec::new())),
    }
}
