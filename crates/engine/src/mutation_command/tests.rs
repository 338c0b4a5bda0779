//! A command survives its bytes, and no bytes make it panic.

use super::*;

fn command() -> MutationCommand {
    let expr = |text: &str| engine_sql::parse_expr(text).unwrap();
    let step = |text: &str, kind| MutationStep {
        text: text.to_owned(),
        kind,
    };
    MutationCommand {
        steps: vec![
            step("a", StepKind::Delete(expr("x IN (SELECT * FROM _subquery_0)"))),
            step("b", StepKind::Hide(expr("`odd name` = 'it''s'"))),
            step(
                "c",
                StepKind::Update {
                    set: vec![("x".to_owned(), expr("x + 1")), ("y".to_owned(), expr("now()"))],
                    filter: expr("{p:UInt8} AND z"),
                },
            ),
            step("d", StepKind::Materialize("m".to_owned())),
            step("e", StepKind::Clear("m".to_owned())),
        ],
        now_micros: -5,
        parameters: vec![
            ("p".to_owned(), ParameterValue::Text("7".to_owned())),
            (
                "q".to_owned(),
                ParameterValue::Value(Value::UInt(3), DataType::UInt64),
            ),
        ],
        subqueries: vec![SubqueryResult {
            types: vec![DataType::UInt64, DataType::String],
            rows: Arc::new(vec![
                vec![Value::UInt(1), Value::String(vec![0xff, 0])],
                vec![Value::UInt(2), Value::string("")],
            ]),
        }],
    }
}

#[test]
fn a_command_survives_its_bytes() {
    let before = command();
    let after = MutationCommand::decode(&before.encode()).unwrap();
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    assert_eq!(
        MutationCommand::texts(&before.encode()),
        ["a", "b", "c", "d", "e"]
    );
}

#[test]
fn damaged_commands_are_errors() {
    let bytes = command().encode();
    for end in 0..bytes.len() - 2 {
        assert!(MutationCommand::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x15;
        // Some changes only make another command.
        let _ = MutationCommand::decode(&bad);
    }
}
