//! The files in `config/`.

use std::fs;
use std::path::PathBuf;

use super::*;

fn shipped(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).expect("a shipped file can be read")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config")
}

/// The file with its commented settings in force: lines whose `#` no space follows.
fn uncommented(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// The keys that each section of a file knows, by the section's path.
fn known_keys(text: &str) -> Vec<(String, Vec<&'static str>)> {
    let faults = Config::parse(text).expect_err("each section has an unknown key");
    let known = faults.iter().filter_map(|fault| match &fault.problem {
        Problem::UnknownKey { known, .. } => {
            let section = fault.key.strip_suffix("zzz").expect("is the unknown key");
            Some((section.trim_end_matches('.').to_owned(), known.clone()))
        }
        _ => None,
    });
    known.collect()
}

#[test]
fn an_empty_file_and_headwater_toml_give_the_defaults() {
    assert_eq!(Config::parse(""), Ok(Config::default()));
    assert_eq!(Config::parse(&shipped("headwater.toml")), Ok(Config::default()));
}

#[test]
fn headwater_toml_lists_every_key_with_a_comment() {
    let text = uncommented(&shipped("headwater.toml"));
    let sections = known_keys(
        "zzz = 1\n[egress]\nzzz = 1\n[ingest]\nzzz = 1\n[admin]\nzzz = 1\n[store]\nzzz = 1\n\
         [limits]\nzzz = 1\n[[channel]]\nzzz = 1\n[[channel.input]]\nzzz = 1\n\
         [[channel.endpoint]]\nzzz = 1\n",
    );
    assert_eq!(sections.len(), 9);
    let mut section = String::new();
    let mut listed: Vec<(String, &str)> = Vec::new();
    let mut previous = "";
    for line in text.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).replace("channel", "channel[0]");
            section = section.replace(".input", ".input[0]").replace(".endpoint", ".endpoint[0]");
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            assert!(previous.starts_with("# ") || key == "password", "{key} has no comment");
            listed.push((section.clone(), key));
        }
        previous = line;
    }
    let sectional = ["input", "endpoint"];
    for (section, keys) in sections.into_iter().filter(|(section, _)| !section.is_empty()) {
        for key in keys.into_iter().filter(|key| !sectional.contains(key)) {
            assert!(listed.contains(&(section.clone(), key)), "{section}.{key} is not listed");
        }
    }
}

#[test]
fn the_commented_channel_of_headwater_toml_is_right_and_shows_the_defaults() {
    let text = uncommented(&shipped("headwater.toml"));
    let shown = endpoint(&text);
    let default = endpoint(&with_endpoint("LLHLS_CMAF", ""));
    let window = shown.window;
    let (access, presentation) = (shown.access.clone(), shown.presentation);
    assert_eq!(shown, Endpoint { window, presentation, access, ..default });
}

#[test]
fn every_file_in_config_is_right() {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).expect("the folder is there") {
        let name = entry.expect("can be listed").file_name().into_string().expect("is plain");
        if let Err(faults) = Config::parse(&shipped(&name)) {
            unreachable!("{name}: {faults}");
        }
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["example-guarded.toml", "example-push.toml", "headwater.toml"]);
}
