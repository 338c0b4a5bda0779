//! The real and the simulated directory behave alike, and the simulated one forgets what was not synced.

use super::*;

fn write(directory: &dyn Directory, path: &str, bytes: &[u8]) {
    let mut file = directory.create(path).unwrap();
    file.write_all(bytes).unwrap();
    file.sync().unwrap();
}

fn check(directory: &dyn Directory) {
    directory.create_folder("a/b").unwrap();
    directory.create_folder("a/b").unwrap();
    write(directory, "a/b/x", b"hello");
    directory.append("a/b/x").unwrap().write_all(b" world").unwrap();
    assert_eq!(read_all(directory, "a/b/x").unwrap(), b"hello world");
    let file = directory.open("a/b/x").unwrap();
    let mut middle = [0; 3];
    file.read_at(4, &mut middle).unwrap();
    assert_eq!(&middle, b"o w");
    assert!(file.read_at(9, &mut middle).is_err());
    directory.truncate("a/b/x", 5).unwrap();
    assert_eq!(file.size().unwrap(), 5);
    write(directory, "a/y", b"y");
    directory.rename("a/y", "a/b/x").unwrap();
    assert_eq!(read_all(directory, "a/b/x").unwrap(), b"y");
    directory.rename("a/b", "a/c").unwrap();
    assert!(!directory.exists("a/b").unwrap() && directory.exists("a/c/x").unwrap());
    directory.hard_link("a/c/x", "a/c/y").unwrap();
    assert_eq!(read_all(directory, "a/c/y").unwrap(), b"y");
    assert!(directory.hard_link("a/c/x", "a/c/y").is_err());
    assert!(directory.hard_link("a/c/nothing", "a/c/z").is_err());
    directory.remove_file("a/c/y").unwrap();
    assert_eq!(read_all(directory, "a/c/x").unwrap(), b"y");
    let names = |path| {
        directory
            .list(path)
            .unwrap()
            .into_iter()
            .map(|e| (e.name, e.is_folder))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("a"), [("c".to_owned(), true)]);
    assert_eq!(names("a/c"), [("x".to_owned(), false)]);
    directory.sync_folder("a/c").unwrap();
    directory.remove_file("a/c/x").unwrap();
    directory.remove_folder("a").unwrap();
    assert!(names("").is_empty());
    assert!(directory.open("a/c/x").is_err());
    let guard = directory.lock("LOCK").unwrap();
    let again = directory.lock("LOCK").err().unwrap();
    assert_eq!(again.kind(), io::ErrorKind::WouldBlock);
    drop(guard);
    directory.lock("LOCK").unwrap();
}

#[test]
fn all_directories_behave_alike() {
    check(&SimulatedDirectory::new());
    let folder = tempfile::tempdir().unwrap();
    check(&LocalDirectory::new(folder.path()).unwrap());
}

#[test]
fn a_power_cut_takes_what_was_not_synced() {
    let directory = SimulatedDirectory::new();
    write(&directory, "synced", b"1");
    directory.sync_folder("").unwrap();
    directory.append("synced").unwrap().write_all(b"2").unwrap();
    write(&directory, "name not synced", b"3");
    let after = directory.after_crash(CrashMode::Lose);
    assert_eq!(after.files(), ["synced"]);
    assert_eq!(after.contents("synced").unwrap(), b"1");
    let after = directory.after_crash(CrashMode::Keep);
    assert_eq!(after.files(), ["name not synced", "synced"]);
    assert_eq!(after.contents("synced").unwrap(), b"12");
}

#[test]
fn a_fault_fails_one_operation_or_all_that_follow() {
    for dead in [false, true] {
        let directory = SimulatedDirectory::new();
        let mut file = directory.create("x").unwrap();
        directory.fail_at(1, dead);
        assert!(file.write_all(b"1234").is_err());
        assert_eq!(file.write_all(b"56").is_err(), dead);
        let expected: &[u8] = if dead { b"12" } else { b"1256" };
        assert_eq!(directory.contents("x").unwrap(), expected);
        assert_eq!(directory.open("x").is_err(), dead);
    }
}
