//! The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt, 2020-03-05): whom a proxy speaks
//! for, said before the first byte of the connection it hands on.
//!
//! The header is read byte for byte to its end and not beyond it, whatever stands behind.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// What version 1 begins with.
const TEXT: &[u8] = b"PROXY ";
/// The longest line of version 1, its end included (§2.1).
const LINE_MAX: usize = 107;
/// Addresses and the extensions behind them; those of a proxy with client certificates are long.
const EXTENT_MAX: usize = 4096;

/// Why a connection has no header of a proxy.
#[derive(Debug, Error)]
pub(super) enum ProxyError {
    #[error("the connection does not begin with a PROXY header")]
    NoHeader,
    #[error("a PROXY header of version 1 is malformed")]
    Line,
    #[error("a PROXY header of version 2 has the unknown version or command {0:#04x}")]
    Command(u8),
    #[error("a PROXY header is for {0:#04x}, which is no TCP")]
    Family(u8),
    #[error(
        "a PROXY header of version 2 has {0} bytes: too few for its addresses, or over {EXTENT_MAX}"
    )]
    Length(usize),
    #[error("the connection broke off in its PROXY header: {0}")]
    Read(#[from] io::Error),
}

/// Reads a connection's header: the address it is for, or `None` where the proxy speaks for itself or
/// does not know.
pub(super) async fn source<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<Option<SocketAddr>, ProxyError> {
    // No header of either version is shorter.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == *SIGNATURE {
        return binary(stream).await;
    }
    if !start.starts_with(TEXT) {
        return Err(ProxyError::NoHeader);
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\n") {
        if line.len() == LINE_MAX {
            return Err(ProxyError::Line);
        }
        line.push(stream.read_u8().await?);
    }
    text(&line)
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`; `PROXY UNKNOWN` and whatever follows.
fn text(line: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    let line = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
    let words = line.and_then(|line| line.strip_prefix("PROXY "));
    match words.map(|words| words.split_once(' ').unwrap_or((words, ""))) {
        Some(("UNKNOWN", _)) => Ok(None),
        Some((family, rest)) => addresses(family, rest).map(Some).ok_or(ProxyError::Line),
        None => Err(ProxyError::Line),
    }
}

/// The first of two addresses with their ports.
fn addresses(family: &str, rest: &str) -> Option<SocketAddr> {
    let mut words = rest.split(' ');
    let mut address = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (from, _to) = (address()?, address()?);
    let mut port = || words.next()?.parse::<u16>().ok();
    let (port, _to) = (port()?, port()?);
    words.next().is_none().then_some(SocketAddr::new(from, port))
}

async fn binary<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<SocketAddr>, ProxyError> {
    let (command, family) = (stream.read_u8().await?, stream.read_u8().await?);
    let length = usize::from(stream.read_u16().await?);
    if length > EXTENT_MAX {
        return Err(ProxyError::Length(length));
    }
    let mut extent = vec![0; length];
    stream.read_exact(&mut extent).await?;
    match command {
        // LOCAL: the proxy's own connection, to see whether we are there.
        0x20 => return Ok(None),
        0x21 => {}
        other => return Err(ProxyError::Command(other)),
    }
    let short = || ProxyError::Length(length);
    match family {
        // Unspecified, and sockets of one host: the proxy's own address stands.
        0x00 | 0x31 => Ok(None),
        0x11 => {
            let (address, rest) = extent.split_first_chunk::<4>().ok_or_else(short)?;
            let ports = rest.get(4..8).ok_or_else(short)?;
            address_of(Ipv4Addr::from(*address).into(), ports).ok_or_else(short).map(Some)
        }
        0x21 => {
            let (address, rest) = extent.split_first_chunk::<16>().ok_or_else(short)?;
            let ports = rest.get(16..20).ok_or_else(short)?;
            address_of(Ipv6Addr::from(*address).into(), ports).ok_or_else(short).map(Some)
        }
        other => Err(ProxyError::Family(other)),
    }
}

/// With the first of two ports.
fn address_of(address: IpAddr, ports: &[u8]) -> Option<SocketAddr> {
    Some(SocketAddr::new(address, u16::from_be_bytes(*ports.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a header, and what is left behind it.
    async fn read(mut bytes: &[u8]) -> (Result<Option<SocketAddr>, ProxyError>, Vec<u8>) {
        let source = source(&mut bytes).await;
        (source, bytes.to_vec())
    }

    fn version2(command: u8, family: u8, extent: &[u8]) -> Vec<u8> {
        let length = u16::try_from(extent.len()).expect("short").to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, extent].concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 1, 0xbb];

    #[tokio::test]
    async fn the_source_is_read_and_nothing_behind_the_header() {
        let v6 = [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]; 2].concat();
        let v6 = [&v6[..], &[0, 80, 0, 81]].concat();
        let with_extension = [&V4[..], &[0x20, 0, 3, 1, 2, 3]].concat();
        let long = format!("PROXY TCP6 {a} {a} 65535 65535\r\n", a = "ffff:".repeat(7) + "ffff");
        for (header, expected) in [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(), Some("192.0.2.1:56324")),
            (b"PROXY TCP6 2001:db8::1 ::1 80 81\r\n".to_vec(), Some("[2001:db8::1]:80")),
            (long.into_bytes(), Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN whatever this is\r\n".to_vec(), None),
            (version2(0x21, 0x11, &V4), Some("192.0.2.1:56324")),
            (version2(0x21, 0x11, &with_extension), Some("192.0.2.1:56324")),
            (version2(0x21, 0x21, &v6), Some("[2001:db8::1]:80")),
            (version2(0x20, 0x11, &V4), None),
            (version2(0x20, 0, &[]), None),
            (version2(0x21, 0x00, &[]), None),
            (version2(0x21, 0x31, &[0; 216]), None),
        ] {
            let behind = b"GET / HTTP/1.1\r\n";
            let (source, left) = read(&[&header[..], behind].concat()).await;
            let shown = source.expect("a right header").map(|address| address.to_string());
            assert_eq!(shown.as_deref(), expected, "{header:?}");
            assert_eq!(left, behind, "{header:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let endless = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        for header in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 65536\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 ::1 80 81\r\n".to_vec(),
            b"PROXY TCP6 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(),
            b"PROXY UDP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n".to_vec(),
            b"PROXY TCP4 \xff\r\n     ".to_vec(),
            endless.into_bytes(),
            version2(0x21, 0x11, &V4[..11]),
            version2(0x21, 0x21, &V4),
            version2(0x21, 0x12, &V4),
            version2(0x22, 0x11, &V4),
            version2(0x11, 0x11, &V4),
            version2(0x21, 0x11, &[0; EXTENT_MAX + 1]),
            b"PROXY".to_vec(),
            Vec::new(),
        ] {
            assert!(read(&header).await.0.is_err(), "{header:?}");
        }
    }
}
