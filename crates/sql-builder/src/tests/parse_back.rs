//! What is printed for ClickHouse parses back to the tree that was printed, whatever its operators.

use engine_sql::parse_query;
use proptest::prelude::*;

use crate::print::parenthesised;
use crate::*;

fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        Just(col("a")),
        Just(of("t", "$group_0")),
        any::<i64>().prop_map(literal),
        (-1e6..1e6f64).prop_map(literal),
        Just(literal(true)),
        Just(literal(Literal::Null)),
        Just(literal("it's \\ \"quoted\"\n")),
        any::<String>().prop_map(param),
        proptest::collection::vec(any::<i64>(), 0..3).prop_map(param),
        Just(interval(3, Unit::Week)),
        Just(array([])),
    ]
}

fn operator() -> impl Strategy<Value = Operator> {
    proptest::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Divide,
        Operator::Like,
        Operator::ILike,
        Operator::Named("||"),
    ])
}

fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(5, 40, 3, |inner| {
        let several = || proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (operator(), inner.clone(), inner.clone()).prop_map(|(op, left, right)| left.binary(op, right)),
            several().prop_map(and),
            several().prop_map(or),
            several().prop_map(Expr::And),
            several().prop_map(Expr::Or),
            inner.clone().prop_map(not),
            inner.clone().prop_map(Expr::is_null),
            inner.clone().prop_map(Expr::is_not_null),
            (inner.clone(), several()).prop_map(|(left, items)| left.in_list(items)),
            (inner.clone(), inner.clone()).prop_map(|(left, set)| left.in_query(Select::default().expr(set))),
            several().prop_map(|args| func("greatest", args)),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(when, then, otherwise)| case([(when, then)], Some(otherwise))),
            inner
                .clone()
                .prop_map(|operand| cast(operand, "Nullable(Float64)")),
            several().prop_map(tuple),
            several().prop_map(array),
            inner
                .clone()
                .prop_map(|body| func("arrayMap", [lambda(["x", "y"], body), col("b"), col("c")])),
            inner.prop_map(|value| scalar(Select::from(table("t")).column(value, "v").limit(1))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn parentheses_are_where_they_must_be(value in expr(), condition in expr()) {
        let select = Select::from(table("t"))
            .column(value, "v")
            .filter(condition.clone())
            .filter(col("z").eq(literal(1)))
            .order_by([condition.desc()]);
        let plain = select.print(Dialect::ClickHouse).expect("prints").sql;
        let full = parenthesised(&select, Dialect::ClickHouse).expect("prints").sql;
        let parsed = parse_query(&plain).map_err(|e| TestCaseError::fail(format!("{e}: {plain}")))?;
        let expected = parse_query(&full).map_err(|e| TestCaseError::fail(format!("{e}: {full}")))?;
        prop_assert_eq!(parsed, expected, "{}", plain);
    }
}
