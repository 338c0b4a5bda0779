//! Windows of the storage and of tables side by side.

use super::{TableToken, TokenWindow};
use crate::table_def::TableId;

fn token(table: u32, window: usize, text: &str) -> String {
    TableToken {
        table: TableId(table),
        window,
        text: text.to_owned(),
    }
    .encode()
}

#[test]
fn table_tokens_are_read_back() {
    let token = TableToken {
        table: TableId(7),
        window: 100,
        text: "a\0b".to_owned(),
    };
    assert_eq!(TableToken::decode(&token.encode()), Some(token));
    for text in ["", "t", "\0", "\0table\0", "\0table\x007\0", "\0table\0x\x001\0t"] {
        assert_eq!(TableToken::decode(text), None, "{text:?}");
    }
}

#[test]
fn each_table_has_its_own_window() {
    let mut window = TokenWindow::new(2, Vec::new());
    for text in ["a", "b", "c"] {
        window.insert(token(1, 2, text));
        window.insert(token(2, 3, text));
        window.insert(text.to_owned());
    }
    let seen = |window: &TokenWindow, token: &str| window.contains(token);
    assert!(!seen(&window, "a") && seen(&window, "b") && seen(&window, "c"));
    assert!(!seen(&window, &token(1, 2, "a")) && seen(&window, &token(1, 2, "b")));
    assert!(seen(&window, &token(2, 9, "a")), "whatever window the repeat has");

    let again = TokenWindow::new(2, window.to_vec());
    assert_eq!(again.to_vec(), window.to_vec());
    assert!(!again.changed);

    assert!(
        window
            .to_vec_without(TableId(2))
            .iter()
            .all(|t| !t.contains("table\x002\0"))
    );
    window.forget(TableId(2));
    assert!(!seen(&window, &token(2, 3, "c")) && seen(&window, &token(1, 2, "c")));
}
