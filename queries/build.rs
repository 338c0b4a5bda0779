//! A new migration is part of the program: the macro that embeds them only watches the files it has seen.

fn main() {
    println!("cargo:rerun-if-changed=../migrations/postgres");
}
