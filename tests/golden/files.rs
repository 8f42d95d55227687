//! Goldens on the disk: compared, or written anew where `UPDATE_GOLDEN` is set.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines shown of what differs in one file.
const SHOWN: usize = 12;

fn folder(scenario: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(scenario)
}

/// Holds the files of a scenario against its goldens.
pub(crate) fn compare(scenario: &str, files: &BTreeMap<String, String>) {
    let folder = folder(scenario);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        // What is no longer written must not stay behind.
        let _ = fs::remove_dir_all(&folder);
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("within the folder")).expect("a new folder");
            fs::write(path, text).expect("the golden can be written");
        }
    }
    let known = names(&folder, "");
    let mut report = String::new();
    for name in known.iter().filter(|name| !files.contains_key(*name)) {
        let _ = writeln!(report, "--- {name}: is no longer written");
    }
    for (name, text) in files {
        match fs::read_to_string(folder.join(name)) {
            Ok(golden) if golden == *text => {}
            Ok(golden) => report.push_str(&difference(name, &golden, text)),
            Err(error) => {
                let _ = writeln!(report, "+++ {name}: no golden ({error})");
            }
        }
    }
    assert!(
        report.is_empty(),
        "{scenario} differs from its goldens in fixtures/golden (- golden, + now):\n{report}\n\
         to see it again: cargo test --test golden {}\n\
         to take it over: UPDATE_GOLDEN=1 cargo test --test golden {}",
        test_name(scenario),
        test_name(scenario),
    );
}

/// The test of a scenario is called as the scenario is.
fn test_name(scenario: &str) -> String {
    scenario.replace('-', "_")
}

/// Files under a folder, by path within it.
fn names(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(names(&entry.path(), &format!("{name}/")));
        } else {
            found.insert(name);
        }
    }
    found
}

/// The lines between the common beginning and the common end, golden first.
fn difference(name: &str, golden: &str, now: &str) -> String {
    let (golden, now): (Vec<&str>, Vec<&str>) = (golden.lines().collect(), now.lines().collect());
    let same = golden.iter().zip(&now).take_while(|(a, b)| a == b).count();
    let (a, b) = (&golden[same..], &now[same..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let mut out = format!("=== {name}, from line {}:\n", same + 1);
    for (sign, lines) in [("-", &a[..a.len() - tail]), ("+", &b[..b.len() - tail])] {
        for line in lines.iter().take(SHOWN) {
            let _ = writeln!(out, "{sign} {line}");
        }
        if lines.len() > SHOWN {
            let _ = writeln!(out, "{sign} … and {} lines more", lines.len() - SHOWN);
        }
    }
    out
}
