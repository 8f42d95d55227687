//! The program itself: its commands, its signals, and its sudden death.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::archive;
use crate::client::{Connection, PATIENCE, Reply};
use crate::playlist::{Playlist, media_playlists};
use crate::ts::{self};
use crate::world::{LISTENERS, LOOPED, cold};

pub(crate) fn headwater(command: &str, config: &Path) -> Command {
    let mut out = Command::new(env!("CARGO_BIN_EXE_headwater"));
    out.args([command, "--config"]).arg(config).env_remove("HEADWATER_LOG");
    out
}

/// A folder with a configuration and the loop it names.
pub(crate) fn installed(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("headwater.toml"), config).expect("writable");
    let programme = include_bytes!("../../fixtures/loop/two-rungs.mp4");
    std::fs::write(folder.path().join("loop.mp4"), programme).expect("writable");
    folder
}

/// What a command prints to standard error, and its exit code.
fn outcome(command: &str, config: &str) -> (Option<i32>, String) {
    let folder = installed(config);
    let output = headwater(command, &folder.path().join("headwater.toml")).output().expect("runs");
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

/// A server that runs; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) child: Child,
    egress: SocketAddr,
    ingest: SocketAddr,
    admin: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn start(folder: &TempDir) -> Self {
        let mut command = headwater("serve", &folder.path().join("headwater.toml"));
        Process::of(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts"))
    }

    /// Once it answers.
    pub(crate) fn of(mut child: Child) -> Self {
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let lines: Vec<String> =
            stdout.lines().map_while(Result::ok).take_while(|line| line != "ready").collect();
        let address = |name: &str| {
            let line = lines.iter().find_map(|l| l.strip_prefix(&format!("{name} http://")));
            line.expect("every listener is printed").parse().expect("an address")
        };
        let (egress, ingest, admin) = (address("egress"), address("ingest"), address("admin"));
        Process { child, egress, ingest, admin }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Connection::open(self.egress).await.get(path).await
    }

    /// The media playlist of one rendition, once it has come up to now: the loop begins in the past.
    /// Real time passes here: the program has no other.
    pub(crate) async fn list(&self) -> (String, Playlist) {
        let mut again = tokio::time::interval(Duration::from_millis(50));
        let found = async {
            loop {
                again.tick().await;
                let multivariant = self.get("/v1/g/1/c/manifest").await;
                if multivariant.status == 200 {
                    let media = media_playlists(&multivariant.text()).pop_last().expect("one");
                    let path = format!("/v1/g/1/c/{media}");
                    let list = Playlist::read(&self.get(&path).await.text(), None);
                    let newest: jiff::Timestamp =
                        list.entries.last().unwrap().date.parse().unwrap();
                    let age = jiff::Timestamp::now().duration_since(newest);
                    if age.as_millis() < 2_500 {
                        return (path.trim_end_matches("media.m3u8").to_owned(), list);
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("a playlist in time")
    }

    /// Waits, bounded, until the metrics are as a test wants them.
    async fn until(&self, what: &str, done: impl Fn(&str) -> bool) {
        let mut operator = Connection::open(self.admin).await;
        let mut again = tokio::time::interval(Duration::from_millis(5));
        let mut text = String::new();
        let so = async {
            while !done(&text) {
                again.tick().await;
                text = operator.get("/metrics").await.text();
            }
        };
        let so = tokio::time::timeout(PATIENCE, so).await;
        assert!(so.is_ok(), "in vain: {what}\n{text}");
    }

    pub(crate) fn terminate(&self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut again = tokio::time::interval(Duration::from_millis(10));
        let ended = async {
            loop {
                again.tick().await;
                if let Some(status) = self.child.try_wait().expect("our child") {
                    return status;
                }
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("an end in time")
    }
}

#[tokio::test]
async fn five_sudden_deaths_reuse_no_number_and_no_name() {
    let folder = installed(&format!("{LISTENERS}{}", cold(LOOPED)));
    let mut seen: Vec<Playlist> = Vec::new();
    for _life in 0..6 {
        let process = Process::start(&folder);
        let (path, list) = process.list().await;
        for old in &seen {
            list.begins_after(old);
        }
        // Killed while a part is on its way: the hint has been handed out.
        let hint = list.hint.clone().expect("a hint");
        assert_eq!(process.get(&format!("{path}{hint}")).await.status, 200);
        let text = process.get(&format!("{path}media.m3u8")).await.text();
        drop(process);
        seen.push(Playlist::read(&text, None));
    }
}

/// Robustness 18: kills a server that archives, again and again; fifty times with `HEADWATER_FULL=1`.
#[tokio::test]
async fn sudden_deaths_lose_nothing_that_was_kept() {
    let full = std::env::var("HEADWATER_FULL").is_ok_and(|v| v == "1");
    let folder = installed(&format!("{LISTENERS}{}", archive::long()));
    let mut before: Option<Playlist> = None;
    for life in 0..if full { 50 } else { 4 } {
        let process = Process::start(&folder);
        if let Some(before) = &mut before {
            let at_once = process.get("/v1/g/1/c/1-1/video-90p/media.m3u8").await;
            assert_eq!(at_once.status, 200, "life {life}: {}", at_once.text());
            let at_once = Playlist::read(&at_once.text(), None);
            // What was published within a tenth of a second of the end may be missing.
            assert!(at_once.last() + 1 >= before.last(), "life {life}");
            before.entries.retain(|entry| entry.number <= at_once.last());
            before.parts.clear();
        }
        let (path, list) = process.list().await;
        if let Some(before) = &before {
            list.follows(before);
        }
        for entry in list.entries.iter().filter(|entry| !entry.gap) {
            let object = format!("{path}{}", entry.uri);
            assert_eq!(process.get(&object).await.status, 200, "life {life}: {object}");
        }
        // The loop begins 45 s in the past, all at once: it takes more than one pass to keep.
        let stands = Mutex::new((String::new(), Instant::now()));
        let kept = |line: &str| {
            let mut stands = stands.lock().expect("nobody panics");
            if stands.0 != line {
                *stands = (line.to_owned(), Instant::now());
            }
            !line.ends_with(" 0") && stands.1.elapsed() > Duration::from_millis(250)
        };
        let archived = |line: &&str| line.starts_with("headwater_archived");
        process.until("it is kept", |m| m.lines().find(archived).is_some_and(kept)).await;
        let text = process.get(&format!("{path}media.m3u8")).await.text();
        drop(process);
        before = Some(Playlist::read(&text, None));
    }
}

#[tokio::test]
async fn sigterm_answers_who_waits_and_ends_with_zero() {
    let limits = "[limits]\ndrain = \"5s\"\n";
    let folder = installed(&format!(
        "{LISTENERS}{limits}{LOOPED}{}",
        ts::PUSHED.replace("[limits]\ninput_loss = \"1s\"", "")
    ));
    let mut process = Process::start(&folder);
    let mut encoder = Connection::open(process.ingest).await;
    encoder.send("PUT", "/v1/g/1/p/live.ts", &[("Transfer-Encoding", "chunked")]).await;
    encoder.write(&crate::client::chunk(ts::BFRAMES_30)).await;
    let ingested = |line: &str| line.starts_with("headwater_ingested") && !line.ends_with(" 0");
    process.until("media came", |metrics| metrics.lines().any(ingested)).await;
    // Real time passes: the wait must be seen to have begun before what it is for has come.
    let mut waiting = Connection::open(process.egress).await;
    let (path, list) = process.list().await;
    waiting.send("GET", &format!("{path}media.m3u8?_HLS_msn={}", list.last() + 2), &[]).await;
    process.until("one waits", |metrics| metrics.contains("headwater_waiters 1\n")).await;
    process.terminate();
    assert_eq!(waiting.receive("GET").await.status, 200);
    assert_eq!(encoder.receive("PUT").await.status, 503);
    assert_eq!(process.ended().await.code(), Some(0));
}

#[test]
fn check_names_every_fault_with_its_line_and_what_is_allowed() {
    let (code, text) = outcome("check", &format!("{LISTENERS}{LOOPED}"));
    assert_eq!((code, &*text), (Some(0), ""));
    let faulty = LOOPED
        .replace("segment_num = 12", "segment_num = 1000")
        .replace("part_duration", "part_duratoin")
        .replace("protocol = \"DASH_CMAF\"", "protocol = \"DASH_TS\"");
    let (code, text) = outcome("check", &faulty);
    assert_eq!(code, Some(2));
    assert!(text.contains("headwater.toml cannot be used:"), "{text}");
    for fault in [
        "line 11: channel[0].endpoint[0].segment_num",
        "line 10: channel[0].endpoint[0].part_duratoin: is no key of this section; the nearest is `part_duration`",
        "channel[0].endpoint[2].protocol = \"DASH_TS\": is not a protocol; available are HLS, HLS_CMAF",
    ] {
        assert!(text.contains(fault), "{fault}\n{text}");
    }
    let (code, served) = outcome("serve", &faulty);
    assert_eq!((code, served.lines().count()), (Some(2), text.lines().count()), "{served}");
}

#[test]
fn check_names_every_certificate_that_cannot_be_used() {
    let tls = "tls = { certificate = \"cert.pem\", key = \"key.pem\" }";
    let config = LISTENERS.replace("[ingest]\n", &format!("{tls}\n[ingest]\n{tls}\n"));
    let folder = installed(&format!("{config}{LOOPED}"));
    let path = folder.path().join("headwater.toml");
    let issued = || rcgen::generate_simple_self_signed(["origin.test".to_owned()]).expect("one");
    let (first, second) = (issued(), issued());
    let (certificate, key) = (first.cert.pem(), first.signing_key.serialize_pem());
    let other = second.signing_key.serialize_pem();
    for (certificate, key, says) in [
        (None, Some(&*key), "cert.pem: No such file"),
        (Some(&*certificate), None, "key.pem: No such file"),
        (Some("nothing"), Some(&*key), "holds no certificate"),
        (Some(&*key), Some(&*key), "holds no certificate"),
        (Some(&*certificate), Some(&*certificate), "holds no private key"),
        (Some(&*certificate), Some(&*other), "does not belong to the first certificate in"),
        (Some("-----BEGIN CERTIFICATE-----\n!\n"), Some(&*key), "cert.pem is no PEM file"),
        (
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            Some(&*key),
            "the first certificate in",
        ),
    ] {
        for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
            let file = folder.path().join(name);
            match text {
                Some(text) => std::fs::write(file, text).expect("writable"),
                // It may not have been there.
                None => drop(std::fs::remove_file(file)),
            }
        }
        let checked = headwater("check", &path).output().expect("runs");
        let text = String::from_utf8(checked.stderr).unwrap();
        assert_eq!(checked.status.code(), Some(2), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for (line, listener) in lines.iter().zip(["egress", "ingest"]) {
            let begins = format!("{listener}.tls cannot be used: ");
            assert!(line.starts_with(&begins) && line.contains(says), "{says}: {text}");
        }
        let served = headwater("serve", &path).output().expect("runs");
        let text = String::from_utf8(served.stderr).unwrap();
        assert_eq!((served.status.code(), text.trim_end()), (Some(2), lines[0]));
    }
    std::fs::write(folder.path().join("cert.pem"), &certificate).expect("writable");
    std::fs::write(folder.path().join("key.pem"), &key).expect("writable");
    let checked = headwater("check", &path).output().expect("runs");
    assert_eq!((checked.status.code(), &*checked.stderr), (Some(0), &b""[..]));
}

#[test]
fn check_remarks_on_what_may_not_be_meant_and_is_content() {
    let config =
        LOOPED.replacen("segment_num = 12", "segment_num = 12\nmin_buffer_time = \"4s\"", 1);
    let (code, text) = outcome("check", &format!("{LISTENERS}{config}"));
    assert_eq!(code, Some(0));
    assert!(text.starts_with("remark: line ") && text.contains("only DASH has it"), "{text}");
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_said_so() {
    let missing = Path::new("/nonexistent/headwater.toml");
    let output = headwater("check", missing).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("cannot read /nonexistent/headwater.toml: "), "{text}");
    let (code, text) = outcome("check", "[egress\n");
    assert_eq!(code, Some(2));
    assert!(text.contains("line 1"), "{text}");
}

#[test]
fn a_loop_that_is_missing_or_broken_is_said_so() {
    let config = format!("{LISTENERS}{LOOPED}");
    let folder = installed(&config);
    let path = folder.path().join("headwater.toml");
    for (bytes, says) in [
        (None, "cannot read loop.mp4 of channel c: "),
        (Some(&b""[..]), "cannot play loop.mp4 of channel c: "),
        (Some(&[0; 4096][..]), "cannot play loop.mp4 of channel c: "),
        (
            Some(&include_bytes!("../../fixtures/loop/two-rungs.mp4")[..40_000]),
            "cannot play loop.mp4 of channel c: ",
        ),
        (Some(ts::BFRAMES_30), "cannot play loop.mp4 of channel c: "),
    ] {
        let programme = folder.path().join("loop.mp4");
        match bytes {
            None => std::fs::remove_file(&programme).expect("there"),
            Some(bytes) => std::fs::write(&programme, bytes).expect("writable"),
        }
        let output = headwater("serve", &path).output().expect("runs");
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.starts_with(says), "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}
