//! The keys of persons' or groups' latest properties.

use event_store::{Result, StoreError};
use insights::PropertySource;
use model::ProjectId;
use sql_builder::{Select, col, func, subquery};

use crate::groups_join::latest_groups;
use crate::person_query::latest_properties;

/// Columns `name`, `owners`.
pub fn property_names(project: ProjectId, source: PropertySource) -> Result<Select> {
    let owners = match source {
        PropertySource::Person => latest_properties(project),
        PropertySource::Group(group_type) => latest_groups(project, group_type),
        PropertySource::Event | PropertySource::Session => {
            return Err(StoreError::Failed(
                "the names of properties are asked of persons and groups only".to_owned(),
            ));
        }
    };
    let names = Select::from(subquery(owners, "owners")).column(
        func("arrayJoin", [func("JSONExtractKeys", [col("latest")])]),
        "name",
    );
    Ok(Select::from(subquery(names, "names"))
        .expr(col("name"))
        .column(func("count", []), "owners")
        .group_by([col("name")])
        .order_by([col("owners").desc(), col("name").asc()]))
}
