//! The configuration file read again by the running program.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::client::PATIENCE;
use crate::process::{Process, headwater, installed};
use crate::ts;
use crate::world::{LISTENERS, LOOPED};

/// A server whose log a test reads, line by line.
struct Logged {
    process: Process,
    lines: std::sync::mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Logged {
    fn start(folder: &TempDir) -> Self {
        let mut command = headwater("serve", &folder.path().join("headwater.toml"));
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (said, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // The test may have ended.
                let _ = said.send(line);
            }
        });
        Logged { process: Process::of(child), lines, seen: Vec::new() }
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([name, &self.process.child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
    }

    /// Waits, bounded, until the log says something.
    fn until(&mut self, says: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let Ok(line) = line else { panic!("in vain: {says}\n{}", self.seen.join("\n")) };
            self.seen.push(line.clone());
            if line.contains(says) {
                return line;
            }
        }
    }
}

#[tokio::test]
async fn sighup_has_the_file_read_again_and_a_faulty_one_changes_nothing() {
    let folder = installed(&format!("{LISTENERS}{LOOPED}"));
    let path = folder.path().join("headwater.toml");
    let mut server = Logged::start(&folder);
    server.process.list().await;
    let pushed = ts::PUSHED.replace("[limits]\ninput_loss = \"1s\"", "");
    let write = |text: &str| std::fs::write(&path, text).expect("writable");
    write(&format!("{LISTENERS}{LOOPED}{pushed}[limits]\nwaiters = 7\n"));
    server.signal("-HUP");
    server.until("takes effect at the next start");
    server.until("the configuration was read again");
    assert!(server.seen.iter().any(|line| line.contains("\"limits\"")), "{:?}", server.seen);
    assert_eq!(server.process.get("/v1/g/1/p/manifest.m3u8").await.status, 503);
    server.process.list().await;
    let faulty = format!("{LISTENERS}{}", LOOPED.replace("HLS_CMAF", "HLS_TS"));
    write(&faulty.replace("segment_num = 12", "segment_num = 1000"));
    server.signal("-HUP");
    server.until("channel[0].endpoint[0].segment_num");
    server.until("channel[0].endpoint[1].protocol");
    assert_eq!(server.process.get("/v1/g/1/p/manifest.m3u8").await.status, 503);
    server.process.list().await;
    write(LISTENERS);
    server.signal("-HUP");
    server.until("names no channel: nothing is changed");
    server.process.list().await;
    write(&format!("{LISTENERS}{LOOPED}"));
    server.signal("-HUP");
    server.until("a channel has gone");
    server.until("the configuration was read again");
    assert_eq!(server.process.get("/v1/g/1/p/manifest.m3u8").await.status, 404);
    server.process.list().await;
    server.process.terminate();
    assert_eq!(server.process.ended().await.code(), Some(0));
}
