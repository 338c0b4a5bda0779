//! Members of cohorts that are rules: who passes, who is in, and the difference between the two.

use chrono_tz::Tz;
use event_store::{Result, StoreError};
use insights::Condition;
use model::{CohortId, ProjectId};
use sql_builder::{Dialect, Query, Select, Statement, col, func, literal, param, subquery, table};
use uuid::Uuid;

use crate::conditions::{Scope, Subject};
use crate::person_query::latest_properties;
use crate::sessions::SessionRange;

/// Writes what makes the members those for whom `condition` holds: +1 for who is to come in, -1 for who is to leave.
///
/// A pure function of what is stored: cut off anywhere, the next run writes the rest. The same rows may be right twice (a
/// person comes in, leaves, and comes in again), so a server must not take the second time for a repetition.
pub fn recalculation(
    project: ProjectId,
    timezone: Tz,
    cohort: CohortId,
    condition: &Condition,
) -> Result<Statement> {
    let number = |n: i64| func("toInt64", [literal(n)]);
    let passing = members(project, timezone, condition)?
        .column(col("id"), "person")
        .column(number(1), "passes")
        .column(number(0), "signs");
    let standing = Select::from(subquery(standing(project, cohort), "standing"))
        .column(col("person_id"), "person")
        .column(number(0), "passes")
        .column(col("standing"), "signs");
    let both = Select::from(subquery(Query::union_all([passing, standing]), "both"))
        .expr(col("person"))
        .column(func("max", [col("passes")]).eq(literal(1)), "belongs")
        .column(func("sum", [col("signs")]).gt(literal(0)), "is_in")
        .group_by([col("person")]);
    let change = func("if", [col("belongs"), literal(1), literal(-1)]);
    let difference = Select::from(subquery(both, "persons"))
        .column(col("person"), "person_id")
        .column(param(cohort.0), "cohort_id")
        .column(param(project.0), "team_id")
        .column(func("toInt8", [change]), "sign")
        .filter(col("belongs").ne(col("is_in")));
    let Statement { sql, params } = difference
        .print(Dialect::ClickHouse)
        .map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(Statement {
        sql: format!(
            "INSERT INTO cohortpeople (person_id, cohort_id, team_id, sign)\nSETTINGS insert_deduplicate = 0\n{sql}"
        ),
        params,
    })
}

/// Columns `members`, `most`, `least`: how many are in, and the bounds of the sums of signs.
pub fn tally(project: ProjectId, cohort: CohortId) -> Select {
    Select::from(subquery(standing(project, cohort), "standing"))
        .column(func("countIf", [col("standing").gt(literal(0))]), "members")
        .column(func("max", [col("standing")]), "most")
        .column(func("min", [col("standing")]), "least")
}

/// How many runs it takes until each member is in and every other person is out.
///
/// One, as sums are 0 or 1. A writer that died while its statement went on may have been there twice at once; then a run
/// takes one of the surplus signs away, and only one: a merge joins equal signs, so a surplus may be gone by the next moment.
pub fn rounds(most: i64, least: i64) -> i64 {
    most.max(1 - least).clamp(1, 16)
}

/// Column `persons`.
pub fn count_persons(project: ProjectId, timezone: Tz, condition: &Condition) -> Result<Select> {
    Ok(members(project, timezone, condition)?.column(func("count", []), "persons"))
}

/// Column `cohort`, ascending.
pub fn cohorts_of_person(project: ProjectId, person: Uuid) -> Select {
    let rows_in = |name: &'static str| {
        Select::from(table(name))
            .column(col("cohort_id"), "cohort")
            .filter(col("team_id").eq(param(project.0)))
            .filter(col("person_id").eq(param(person)))
            .group_by([col("cohort_id")])
    };
    let calculated = rows_in("cohortpeople").having(func("sum", [col("sign")]).gt(literal(0)));
    let either = Query::union_all([calculated, rows_in("person_static_cohort")]);
    Select::from(subquery(either, "cohorts"))
        .expr(col("cohort"))
        .group_by([col("cohort")])
        .order_by([col("cohort").asc()])
}

/// The live persons `p` for whom the condition holds, without columns.
fn members(project: ProjectId, timezone: Tz, condition: &Condition) -> Result<Select> {
    let scope = Scope {
        project,
        timezone,
        sessions: SessionRange::default(),
        subject: Subject::Person,
    };
    Ok(Select::from(subquery(latest_properties(project), "p")).filter(scope.compile(condition)?))
}

/// Columns `person_id`, `standing` (the sum of signs) of all that ever were in.
fn standing(project: ProjectId, cohort: CohortId) -> Select {
    Select::from(table("cohortpeople"))
        .expr(col("person_id"))
        .column(func("sum", [col("sign")]), "standing")
        .filter(col("team_id").eq(param(project.0)))
        .filter(col("cohort_id").eq(param(cohort.0)))
        .group_by([col("person_id")])
}
