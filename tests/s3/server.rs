//! A server that speaks S3 while a test runs: `tests/s3/serve`, which installs it on first use.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The server; it ends with this.
#[derive(Debug)]
pub(crate) struct S3 {
    server: Child,
    /// Where it listens. It has a bucket named `headwater`.
    pub(crate) endpoint: String,
}

impl S3 {
    pub(crate) fn start() -> Self {
        let serve = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/s3/serve");
        let mut server = Command::new(serve).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut endpoint = String::new();
        let said = server.stdout.take().expect("its output is taken once");
        let read = BufReader::new(said).read_line(&mut endpoint);
        assert!(read.is_ok_and(|bytes| bytes > 0), "{serve} did not start a server");
        S3 { server, endpoint: endpoint.trim().to_owned() }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
