//! Printed forms, and that Postgres text parses back.

mod parse_back;

use chrono::{DateTime, Utc};
use insta::assert_snapshot;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use uuid::Uuid;

use crate::*;

fn clickhouse(select: &Select) -> String {
    select.print(Dialect::ClickHouse).expect("prints").to_string()
}

/// Printed; sqlparser must read it, and print the same tree again.
fn postgres(select: &Select) -> String {
    let statement = select.print(Dialect::Postgres).expect("prints");
    let first = Parser::parse_sql(&PostgreSqlDialect {}, &statement.sql).expect("parses");
    let second = Parser::parse_sql(&PostgreSqlDialect {}, &first[0].to_string()).expect("parses again");
    assert_eq!(first, second);
    statement.to_string()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn both(select: &Select) -> String {
    format!("{}\n\n{}", clickhouse(select), postgres(select))
}

#[test]
fn a_select_in_both_dialects() {
    let latest = Select::from(table("person_distinct_id2"))
        .column(col("distinct_id"), "distinct_id")
        .column(func("max", [col("version")]), "version")
        .filter(col("team_id").eq(param(7i64)))
        .group_by([col("distinct_id")])
        .having(func("max", [col("is_deleted")]).eq(literal(0)));
    let select = Select::from(table("events").alias("e").inner_join(
        subquery(latest, "d"),
        of("e", "distinct_id").eq(of("d", "distinct_id")),
    ))
    .column(of("e", "$group_0"), "group")
    .column(func("count", [star()]), "total")
    .filter(of("e", "team_id").eq(param(7i64)))
    .filter(and([
        of("e", "timestamp").ge(param(time("2020-01-01T00:00:00.5Z"))),
        or([
            of("e", "event").eq(param("a'b\\")),
            of("e", "event").in_array(param(vec!["x".to_owned()])),
        ]),
    ]))
    .filter(not(
        of("e", "uuid").in_list([param(Uuid::nil()), param(Uuid::max())])
    ))
    .group_by([of("e", "$group_0")])
    .order_by([col("total").desc(), col("group").asc().nulls_last()])
    .limit(10)
    .offset(5);
    assert_snapshot!(both(&select));
}

#[test]
fn every_expression_keeps_its_shape() {
    let a = || col("a");
    let select = Select::default()
        .expr((a() - a()) - (a() - a()))
        .expr((a() + a()) * a() / (a() * a()))
        .expr(and([
            or([a(), and([a(), a()])]),
            not(or([a(), a()])),
            not(a().is_null()),
        ]))
        .expr(
            a().op("||", literal("it's"))
                .eq(a().binary(Operator::Like, literal("%"))),
        )
        .expr(and([]))
        .expr(or([]))
        .expr(a().in_list([]))
        .expr(a().eq(a()).is_not_null())
        .expr(case(
            [(a().lt(literal(-1)), literal(0.5))],
            Some(literal(Literal::Null)),
        ))
        .expr(a() - literal(-1))
        .expr(func("sum", [a()]).over(Window {
            partition_by: vec![a()],
            order_by: vec![a().desc()],
            frame: Some(Frame {
                rows: true,
                start: Bound::Preceding(3),
                end: Bound::CurrentRow,
            }),
        }))
        .expr(func("count", [a()]).distinct().filter(a().gt(literal(1))))
        .expr(tuple([a(), a()]).lt(tuple([param(1i64), param(2i64)])))
        .expr(a() + interval(7, Unit::Day))
        .expr(array([a(), literal(1)]))
        .expr(exists(Select::default().expr(literal(1))));
    assert_snapshot!(both(&select));
}

#[test]
fn equal_values_share_a_placeholder() {
    let key = || col("properties").op("->>", param("plan"));
    let select = Select::from(table("events"))
        .expr(key())
        .expr(param("other"))
        .expr(param(f64::NAN))
        .expr(param(f64::NAN))
        .group_by([key()]);
    let printed = select.print(Dialect::Postgres).expect("prints");
    assert!(
        printed.sql.ends_with("GROUP BY properties ->> $1"),
        "{}",
        printed.sql
    );
    assert_eq!(printed.params.len(), 3);
}

#[test]
fn clickhouse_alone() {
    let select = Select::from(table("person").alias("p").finally().join(
        JoinKind::Anti,
        from_function(func("numbers", [literal(3)]), "n", [] as [&str; 0]),
        [of("n", "number").eq(of("p", "id"))],
    ))
    .column(func("quantile", [col("x")]).params([literal(0.5)]), "q")
    .expr(func(
        "arrayMap",
        [lambda(["x", "y"], col("x") + col("y")), col("a"), array([])],
    ))
    .expr(tuple([col("x")]))
    .array_join(col("a"), "b")
    .order_by([col("q").asc()])
    .limit_by(1, [col("b")]);
    assert_snapshot!(clickhouse(&select));
    assert_eq!(
        select.print(Dialect::Postgres),
        Err(Unsupported {
            construct: "parametric aggregate",
            dialect: Dialect::Postgres
        })
    );
}

#[test]
fn postgres_alone() {
    let ticks = from_function(
        func(
            "unnest",
            [param(vec![
                time("2020-01-01T00:00:00Z"),
                time("2020-01-02T00:00:00Z"),
            ])],
        ),
        "tick",
        ["start", "n"],
    )
    .with_ordinality();
    let lateral = Select::from(table("events"))
        .expr(func("percentile_cont", [literal(0.5)]).within_group([col("x").asc()]))
        .filter(of("events", "timestamp").ge(of("tick", "start")));
    let select = Select::from(ticks.join(JoinKind::Cross, subquery(lateral, "v").lateral(), []))
        .with_materialized("m", Select::default().expr(literal(1)))
        .distinct_on([of("tick", "n")])
        .expr(star())
        .expr(func("array_agg", [col("y")]).ordered([col("y").desc()]))
        .filter(col("p").op("@>", param("{}")));
    assert_snapshot!(postgres(&select));
    assert!(select.print(Dialect::ClickHouse).is_err());
}

#[test]
fn unions_nest() {
    let branch = |n: i64| Select::default().column(param(n), "n");
    let query = Query::union_all([branch(1), branch(2).order_by([col("n").asc()]).limit(1)]);
    let select = Select::from(subquery(query, "u"))
        .with("w", branch(3))
        .expr(star());
    assert_snapshot!(both(&select));
}

#[test]
fn names_are_quoted_where_needed() {
    for (name, clickhouse, postgres) in [
        ("event", "event", "event"),
        ("$group_0", "`$group_0`", "\"$group_0\""),
        ("group", "`group`", "\"group\""),
        ("Mixed", "`Mixed`", "\"Mixed\""),
        ("a`b\"c\\", "`a\\`b\"c\\\\`", "\"a`b\"\"c\\\""),
        ("", "``", "\"\""),
        ("1st", "`1st`", "\"1st\""),
    ] {
        assert_eq!(quote(name, Dialect::ClickHouse), clickhouse);
        assert_eq!(quote(name, Dialect::Postgres), postgres);
    }
}
