//! What no compiler checks about the project as a text: its layers, sizes, left-behind words,
//! links and the conformance ledger. Nothing about behaviour belongs here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Code lines above which a file is looked at twice: split it, or list it in [`LARGE`].
const LOOK_TWICE: usize = 400;
/// Lines no source file reaches, tests included.
const WALL: usize = 800;
/// Files above [`LOOK_TWICE`] on purpose, with the code lines they may have. They only shrink.
const LARGE: &[(&str, usize)] = &[("src/units.rs", 447)];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends in one of `endings`, by its path from the root.
fn files(folder: &str, endings: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a listed entry can be read").path();
            let name = path.file_name().expect("a listed entry has a name").to_string_lossy();
            if path.is_dir() {
                if name != "node_modules" && name != "target" {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(&path).expect("source files are UTF-8");
                found.insert(from_root(&path), text);
            }
        }
    }
    found
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root()).expect("found below the root").to_string_lossy().into_owned()
}

/// The part of a source file before its tests.
fn code(text: &str) -> &str {
    text.find("\n#[cfg(test)]").map_or(text, |end| &text[..end])
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn without_comment(line: &str) -> &str {
    line.find("//").map_or(line, |start| &line[..start])
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The identifier `text` begins with.
fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The rank of each module in the table of `src/lib.rs`: its row, counted from the top.
fn layers() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("src/lib.rs")).expect("the crate has a root");
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! |")).skip(2);
    let mut ranks = BTreeMap::new();
    for (rank, row) in rows.enumerate() {
        let modules = row.split('|').nth(1).expect("a row has a second column");
        for name in modules.split('`').skip(1).step_by(2) {
            ranks.insert(name.to_owned(), rank);
        }
    }
    ranks
}

/// The module of the crate that a file is in: `src/http/reply.rs` and `src/http.rs` are in `http`.
fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").expect("only files of src are asked about");
    inside.split('/').next().map_or(inside, |first| first.trim_end_matches(".rs"))
}

/// The modules that `text` names as `crate::x`, `crate::{x, y::z}` included.
fn modules_used(text: &str) -> BTreeSet<String> {
    let bare: String = text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
    let mut used = BTreeSet::new();
    for (at, found) in bare.match_indices("crate::") {
        let before = bare[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &bare[at + found.len()..];
        match rest.strip_prefix('{') {
            Some(group) => used.extend(group_members(group)),
            None => {
                used.insert(identifier(rest).to_owned());
            }
        }
    }
    used
}

/// The first name of each member of a `use` group, given what follows its opening brace.
fn group_members(group: &str) -> Vec<String> {
    let mut members = Vec::new();
    let mut depth = 0;
    let mut expected = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expected = true,
            c if expected && (c.is_alphabetic() || c == '_') => {
                members.push(identifier(&group[at..]).to_owned());
                expected = false;
            }
            _ => {}
        }
    }
    members
}

#[test]
fn a_module_uses_only_its_own_line_of_the_layer_table_and_those_below() {
    let ranks = layers();
    let mut problems = Vec::new();
    for (path, text) in files("src", &[".rs"]) {
        if path == "src/lib.rs" || is_test_file(&path) {
            continue;
        }
        let module = module_of(&path);
        let Some(&rank) = ranks.get(module) else {
            problems.push(format!("{path}: `{module}` is not in the layer table of src/lib.rs"));
            continue;
        };
        for used in modules_used(code(&text)) {
            if ranks.get(&used).is_some_and(|&other| other < rank) {
                problems.push(format!("{path}: uses `{used}`, which stands above `{module}`"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn the_layer_check_sees_plain_and_grouped_uses_and_no_comments() {
    let text = "use crate::media::Track;\n// crate::http\nuse crate::{units::{Now, X}, packager};\n\
                let a = mycrate::ingest::B; crate::resolve::go();";
    let used: Vec<_> = modules_used(text).into_iter().collect();
    assert_eq!(used, ["media", "packager", "resolve", "units"]);
}

#[test]
fn files_stay_small() {
    let mut problems = Vec::new();
    for (path, text) in files("src", &[".rs"]).into_iter().chain(files("tests", &[".rs", ".mjs"])) {
        let whole = text.lines().count();
        if whole >= WALL {
            problems.push(format!("{path}: {whole} lines; {WALL} is the wall"));
        }
        let lines = code(&text).lines().count();
        let allowed = LARGE.iter().find(|(name, _)| *name == path).map_or(LOOK_TWICE, |(_, n)| *n);
        if !is_test_file(&path) && lines > allowed {
            problems.push(format!("{path}: {lines} code lines, more than {allowed}"));
        }
    }
    for (path, _) in LARGE {
        if !root().join(path).is_file() {
            problems.push(format!("{path} is listed as large and does not exist"));
        }
    }
    assert_none(&problems);
}

#[test]
fn nothing_unfinished_is_left_behind() {
    // Written in halves, so that this file does not name them.
    let words =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
    let calls = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!(")];
    let all = ["src", "tests", "benches"].map(|folder| files(folder, &[".rs", ".mjs", ".html"]));
    let mut problems = Vec::new();
    for (path, text) in all.into_iter().flatten() {
        for (number, line) in text.lines().enumerate() {
            let marked = line
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| words.contains(&word));
            if marked || calls.iter().any(|call| line.contains(call)) {
                problems.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn each_module_opens_by_saying_what_it_is() {
    let problems: Vec<_> = files("src", &[".rs"])
        .into_iter()
        .filter(|(path, text)| !is_test_file(path) && !text.starts_with("//!"))
        .map(|(path, _)| format!("{path}: does not open with `//!`"))
        .collect();
    assert_none(&problems);
}

/// The anchor that a Markdown heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut documents = files("docs", &[".md"]);
    for name in ["README.md", "CHANGELOG.md"] {
        if let Ok(text) = fs::read_to_string(root().join(name)) {
            documents.insert(name.to_owned(), text);
        }
    }
    let mut problems = Vec::new();
    for (path, text) in &documents {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let here = root().join(path);
            let folder = here.parent().expect("a document is in a folder");
            let target = if file.is_empty() { here.clone() } else { folder.join(file) };
            if !target.exists() {
                problems.push(format!("{path}: {link}: no such file"));
            } else if !heading.is_empty() {
                let text = fs::read_to_string(&target).unwrap_or_default();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                if !headings.map(|line| anchor(line.trim_start_matches('#'))).any(|a| a == heading)
                {
                    problems.push(format!("{path}: {link}: no such heading"));
                }
            }
        }
    }
    assert_none(&problems);
}

/// Every function of the crate and its tests, by name.
fn functions() -> BTreeSet<String> {
    let all = files("src", &[".rs"]).into_iter().chain(files("tests", &[".rs"]));
    all.flat_map(|(_, text)| {
        text.lines()
            .map(without_comment)
            .filter_map(|line| line.split_once("fn "))
            .map(|(_, rest)| identifier(rest).to_owned())
            .collect::<Vec<_>>()
    })
    .collect()
}

/// The numbers that follow the word `Robustness` in the comments of the tests.
fn lessons_named_by_tests() -> BTreeSet<String> {
    let all = files("src", &[".rs"]).into_iter().chain(files("tests", &[".rs"]));
    let comments = all.flat_map(|(_, text)| {
        let lines = text.lines().map(str::trim).filter_map(|line| line.strip_prefix("/// "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    let word = concat!("Robust", "ness ");
    let numbers = comments.filter_map(|line| Some(line.strip_prefix(word)?.to_owned()));
    numbers.filter_map(|rest| Some(rest.split_once(':')?.0.to_owned())).collect()
}

#[test]
fn every_lesson_has_tests_that_exist_and_name_its_number() {
    let text = fs::read_to_string(root().join("docs/lessons.md")).expect("the lessons are there");
    let (functions, named) = (functions(), lessons_named_by_tests());
    let mut problems = Vec::new();
    let mut numbers = BTreeSet::new();
    for row in text.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let cells: Vec<&str> = row.split(" |").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let [number, lesson, _, _, tests, ..] = cells[..] else {
            problems.push(format!("{row}: has not five columns"));
            continue;
        };
        let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if tests.is_empty() {
            problems.push(format!("{lesson}: names no test"));
        }
        for test in tests.iter().filter(|test| !functions.contains(**test)) {
            problems.push(format!("{lesson}: its test `{test}` does not exist"));
        }
        if !number.is_empty() {
            numbers.insert(number.to_owned());
        }
    }
    for number in numbers.difference(&named) {
        problems.push(format!("lesson {number}: no test's comment names it"));
    }
    for number in named.difference(&numbers) {
        problems.push(format!("a test names lesson {number}, which is not in docs/lessons.md"));
    }
    assert!(numbers.len() >= 17, "{numbers:?}");
    assert_none(&problems);
}

/// What is wrong with one row of the ledger.
fn faults_of_row(row: &toml::Table, functions: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let answers: Vec<_> =
        ["test", "reason", "later"].into_iter().filter(|key| row.contains_key(*key)).collect();
    if answers.len() != 1 {
        faults.push(format!("wants exactly one of test, reason, later; has {answers:?}"));
    }
    for key in row.keys() {
        if !["id", "text", "source", "test", "reason", "later"].contains(&key.as_str()) {
            faults.push(format!("`{key}` is no key of a row"));
        }
    }
    for (key, value) in row {
        if value.as_str().is_none_or(|text| text.trim().is_empty()) {
            faults.push(format!("`{key}` is not a text"));
        }
    }
    if row.get("text").is_none() {
        faults.push("has no text".to_owned());
    }
    if let Some(test) = row.get("test").and_then(toml::Value::as_str) {
        let exists = match test.strip_prefix("tests/e2e/") {
            Some(_) => root().join(test).is_file(),
            None => functions.contains(test.rsplit("::").next().unwrap_or(test)),
        };
        if !exists {
            faults.push(format!("its test `{test}` does not exist"));
        }
    }
    faults
}

#[test]
fn every_row_of_the_conformance_ledger_has_one_answer_and_its_test_exists() {
    let text = fs::read_to_string(root().join("tests/conformance/ledger.toml"))
        .expect("the ledger is there");
    let ledger: toml::Table = text.parse().expect("the ledger is TOML");
    let rows = ledger["row"].as_array().expect("the ledger is a list of rows");
    let functions = functions();
    let mut ids = BTreeSet::new();
    let mut problems = Vec::new();
    for row in rows {
        let row = row.as_table().expect("a row is a table");
        let id = row.get("id").and_then(toml::Value::as_str).unwrap_or("a row without id");
        if !ids.insert(id) {
            problems.push(format!("{id}: is there twice"));
        }
        problems
            .extend(faults_of_row(row, &functions).iter().map(|fault| format!("{id}: {fault}")));
    }
    assert_none(&problems);
}
