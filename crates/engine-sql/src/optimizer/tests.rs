//! Plans before and after the rules.

use crate::{
    binder::{
        bind, bind_unoptimized,
        tests::{Tables, context},
    },
    parse_query,
    plan::{Plan, explain},
};

const QUERIES: &str = include_str!("fixtures/queries.sql");

fn plans(sql: &str) -> (Plan, Plan) {
    let query = parse_query(sql).unwrap_or_else(|e| panic!("{sql}\n{e}"));
    let before = bind_unoptimized(&query, &Tables, &context()).unwrap_or_else(|e| panic!("{sql}\n{e}"));
    let after = bind(&query, &Tables, &context()).unwrap_or_else(|e| panic!("{sql}\n{e}"));
    (before.plan, after.plan)
}

#[test]
fn plans_of_typical_queries() {
    let mut out = String::new();
    for sql in QUERIES.lines().filter(|l| !l.is_empty()) {
        let (before, after) = plans(sql);
        assert_eq!(before.schema(), after.schema(), "{sql}");
        out.push_str(&format!("{sql}\n{}\n", explain(&after)));
    }
    insta::assert_snapshot!(out);
}

/// Every column that an expression reads exists in the input, with the type the expression thinks it has.
fn check(plan: &Plan) {
    for input in plan.inputs() {
        check(input);
    }
    let schemas: Vec<_> = plan.inputs().iter().map(|i| i.schema()).collect();
    let mut copy = plan.clone();
    let input = match plan {
        Plan::Scan { schema, .. } => schema.clone(),
        Plan::Join { .. } => {
            let Plan::Join {
                on, residual, schema, ..
            } = plan
            else {
                return;
            };
            for (left, right) in on {
                left.each_column_typed(&mut |c, ty| assert_eq!(schemas[0][c].ty, *ty));
                right.each_column_typed(&mut |c, ty| assert_eq!(schemas[1][c].ty, *ty));
            }
            let both: Vec<_> = schemas.concat();
            if let Some(residual) = residual {
                residual.each_column(&mut |c| assert!(c < both.len()));
            }
            assert!(schema.len() == both.len() || schema.len() == schemas[0].len());
            return;
        }
        Plan::UnionAll { schema, .. } => {
            for input in &schemas {
                let types = |s: &[engine_types::Field]| s.iter().map(|f| f.ty.clone()).collect::<Vec<_>>();
                assert_eq!(types(input), types(schema));
            }
            return;
        }
        _ => schemas.first().cloned().unwrap_or_default(),
    };
    copy.each_expr_mut(&mut |expr| {
        expr.each_column_typed(&mut |c, ty| assert_eq!(input[c].ty, *ty, "{}", explain(plan)));
    });
}

#[test]
fn columns_stay_in_place() {
    let selects = include_str!("../binder/fixtures/selects.sql");
    for sql in QUERIES.lines().chain(selects.lines()).filter(|l| !l.is_empty()) {
        let (before, after) = plans(sql);
        check(&before);
        check(&after);
    }
}
