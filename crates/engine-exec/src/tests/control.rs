//! Limits and cancellation: the error has ClickHouse's code, and nothing stays reserved.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use engine_sql::plan::{Aggregate, Expr, Plan, SortKey};
use engine_types::{DataType, Field};

use super::functions::count;
use super::harness::context;
use crate::{EmptySource, ExecContext, execute};

fn numbers(count: u64) -> Plan {
    Plan::Numbers { offset: 0, count }
}

fn number() -> Expr {
    Expr::column(0, DataType::UInt64)
}

fn group_by_number(rows: u64) -> Plan {
    Plan::Aggregate {
        input: Box::new(numbers(rows)),
        keys: vec![number()],
        aggregates: vec![Aggregate {
            function: count(),
            params: Vec::new(),
            args: Vec::new(),
        }],
        schema: vec![
            Field::new("n", DataType::UInt64),
            Field::new("c", DataType::UInt64),
        ],
    }
}

fn code(plan: &Plan, context: &ExecContext) -> u32 {
    execute(plan, &EmptySource, context).unwrap_err().code()
}

#[test]
fn memory_limit() {
    let sort = Plan::Sort {
        input: Box::new(numbers(1_000_000)),
        keys: vec![SortKey {
            expr: number(),
            descending: true,
            nulls_first: false,
        }],
        limit: None,
    };
    for plan in [group_by_number(1_000_000), sort, numbers(1_000_000)] {
        for threads in [1, 2] {
            let context = context(threads, 8192).with_memory_limit(1 << 20);
            assert_eq!(code(&plan, &context), 241);
            // Everything was given back: a small query still fits.
            assert!(execute(&group_by_number(10), &EmptySource, &context).is_ok());
        }
    }
}

#[test]
fn queries_share_a_budget() {
    let shared = crate::Memory::new(1 << 20);
    let with = |limit| ExecContext {
        memory: shared.child(limit),
        ..context(1, 8192)
    };
    assert_eq!(code(&group_by_number(1_000_000), &with(1 << 30)), 241);
    assert_eq!(code(&group_by_number(10_000), &with(1 << 10)), 241);
    let first = with(1 << 20);
    assert!(execute(&group_by_number(1000), &EmptySource, &first).is_ok());
    assert!(first.peak_memory() > 0);
}

#[test]
fn cancelled_and_out_of_time() {
    let cancelled = context(2, 8192);
    cancelled.cancel.store(true, Ordering::Relaxed);
    assert_eq!(code(&group_by_number(u64::MAX), &cancelled), 394);

    let mut late = context(2, 8192);
    late.deadline = Some((Instant::now(), Duration::from_millis(20)));
    let endless = Plan::Aggregate {
        input: Box::new(numbers(u64::MAX)),
        keys: Vec::new(),
        aggregates: Vec::new(),
        schema: Vec::new(),
    };
    assert_eq!(code(&endless, &late), 159);
}

#[test]
fn cancelled_from_another_thread() {
    let context = context(2, 8192);
    let cancel = context.cancel.clone();
    let endless = Plan::Aggregate {
        input: Box::new(numbers(u64::MAX)),
        keys: Vec::new(),
        aggregates: Vec::new(),
        schema: Vec::new(),
    };
    std::thread::scope(|scope| {
        let query = scope.spawn(|| code(&endless, &context));
        cancel.store(true, Ordering::Relaxed);
        assert_eq!(query.join().unwrap(), 394);
    });
}

#[test]
fn result_rows() {
    let mut context = context(1, 100);
    context.max_result_rows = Some(10);
    assert_eq!(code(&numbers(11), &context), 396);
    assert!(execute(&numbers(10), &EmptySource, &context).is_ok());
}
