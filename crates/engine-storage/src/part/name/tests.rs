//! Names as texts, their order, and which part another one was made into.

use proptest::prelude::*;

use super::PartName;

fn name(text: &str) -> PartName {
    PartName::parse(text).unwrap()
}

#[test]
fn fields_of_a_name() {
    let plain = PartName::inserted("202111", 3);
    assert_eq!(plain.to_string(), "202111_3_3_0");
    assert_eq!(name("202111_3_3_0"), plain);
    assert_eq!(plain.mutated(7).to_string(), "202111_3_3_0_7");
    assert_eq!(name("202111_3_3_0_7").mutation, Some(7));
    assert_eq!(name("-5_1_9_2").partition, "-5");
}

#[test]
fn texts_that_are_no_names() {
    for text in [
        "",
        "all",
        "all_1_1",
        "all_2_1_0",
        "all_01_1_0",
        "all_1_1_0_",
        "all_1_1_0_x",
        "all_1_1_0_+1",
        "all_1_1_0_2_3",
        "tmp_all_1_1_0_5",
        "all_1_1_0.1",
        "a b_1_1_0",
    ] {
        assert_eq!(PartName::parse(text), None, "{text}");
    }
}

#[test]
fn newer_versions_sort_behind() {
    let mut names: Vec<PartName> = [
        "b_1_1_0",
        "a_10_10_0",
        "a_2_2_0_12",
        "a_2_2_0",
        "a_2_2_0_9",
        "a_1_1_1",
    ]
    .iter()
    .map(|t| name(t))
    .collect();
    names.sort();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "a_1_1_1",
            "a_2_2_0",
            "a_2_2_0_9",
            "a_2_2_0_12",
            "a_10_10_0",
            "b_1_1_0"
        ]
    );
}

#[test]
fn a_merged_part_is_named_by_its_sources() {
    let merged = PartName::merged([&name("a_1_3_1_7"), &name("a_4_4_0_9"), &name("a_5_5_0_9")]);
    assert_eq!(merged, Some(name("a_1_5_2_9")));
    assert_eq!(PartName::merged([]), None);
}

proptest! {
    #[test]
    fn names_read_back(
        partition in "[a-z0-9_ü/-]{1,8}",
        min in 0..1000u64,
        more in 0..10u64,
        level in 0..5u32,
        mutation in proptest::option::of(0..1000u64),
    ) {
        let name = PartName { partition, min_block: min, max_block: min + more, level, mutation };
        prop_assert_eq!(PartName::parse(&name.to_string()), Some(name));
    }
}
