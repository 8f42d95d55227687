//! HTTP/1.1 by hand, so that what goes over the wire is what a test says.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Longest a test waits for anything; only a failing one waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case, in the order they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    /// Everything but Date, which is another every second.
    pub(crate) fn without_date(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "date");
        self
    }
}

/// A connection to one of the listeners.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.expect("the listener answers");
        stream.set_nodelay(true).expect("a connected socket");
        Connection { stream: BufReader::new(stream) }
    }

    /// A connection from an address of its own.
    pub(crate) async fn open_from(from: IpAddr, to: SocketAddr) -> Self {
        let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let socket = socket.expect("a socket");
        socket.bind(SocketAddr::new(from, 0)).expect("an address of this host");
        let stream = socket.connect(to).await.expect("the listener answers");
        Connection { stream: BufReader::new(stream) }
    }

    /// A connection whose system takes little more than nothing that is not read.
    pub(crate) async fn open_narrow(to: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let stream = socket.connect(to).await.expect("the listener answers");
        Connection { stream: BufReader::with_capacity(512, stream) }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.expect("the server reads");
    }

    /// Writes what the server may no longer want.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> bool {
        self.stream.get_mut().write_all(bytes).await.is_ok()
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        self.write(head.as_bytes()).await;
    }

    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Reply {
        self.send(method, path, headers).await;
        self.receive(method).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, &[]).await
    }

    /// The next answer, to a request of `method`.
    pub(crate) async fn receive(&mut self, method: &str) -> Reply {
        let mut reply = self.receive_head().await;
        let bodiless = method == "HEAD" || matches!(reply.status, 100..=199 | 204 | 304);
        if !bodiless {
            let length = reply.header("content-length").expect("every answer says its length");
            reply.body = self.receive_body(length.parse().expect("a number")).await;
        }
        reply
    }

    pub(crate) async fn receive_body(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        let read = timeout(PATIENCE, self.stream.read_exact(&mut body)).await;
        read.expect("a body in time").expect("a whole body");
        body
    }

    pub(crate) async fn receive_head(&mut self) -> Reply {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await;
            let read = read.expect("an answer in time").expect("a readable head");
            assert_ne!(read, 0, "the connection was closed within a head: {lines:?}");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).expect("a status").parse().expect("a number");
        let headers = lines[1..].iter().map(|line| {
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Reply { status, headers: headers.collect(), body: Vec::new() }
    }

    /// So many bytes of a chunked body, which end with a chunk.
    pub(crate) async fn receive_grown(&mut self, length: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < length {
            let chunk = self.receive_chunk().await.expect("the body goes on");
            assert!(!chunk.is_empty(), "the body ended after {} of {length}", body.len());
            body.extend(chunk);
        }
        assert_eq!(body.len(), length);
        body
    }

    /// Whether a chunked body ends here in order.
    pub(crate) async fn ends(&mut self) -> bool {
        self.receive_chunk().await.is_some_and(|chunk| chunk.is_empty())
    }

    /// Whether a chunked body ends in order, whatever comes before.
    pub(crate) async fn ends_after_more(&mut self) -> bool {
        while let Some(chunk) = self.receive_chunk().await {
            if chunk.is_empty() {
                return true;
            }
        }
        false
    }

    /// The next chunk of a chunked body, empty at its end; `None` where the connection ends.
    async fn receive_chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await;
        if read.expect("a chunk in time").ok()? == 0 {
            return None;
        }
        let length = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's length");
        let mut chunk = self.receive_body(length + 2).await;
        chunk.truncate(length);
        Some(chunk)
    }

    /// Waits until the server closes the connection without another byte.
    pub(crate) async fn closed(&mut self) {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.stream.read(&mut byte)).await.expect("an end in time");
        assert!(matches!(read, Ok(0) | Err(_)), "a byte came where an end was due");
    }
}

/// One piece of a body with Transfer-Encoding: chunked.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
