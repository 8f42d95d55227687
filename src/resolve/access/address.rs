//! Blocks of addresses, lists of them, and whose address a request carries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

/// An IPv4 or IPv6 network, never a /0; one address is a /32 or /128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpBlock(IpNet);

/// A list of address blocks, at most [`IpList::BLOCKS_MAX`]; empty where it is not configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpList(Vec<IpBlock>);

/// Why a text is no address block or no list of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// A prefix of length 0, IPv4 or IPv6, however written.
    #[error("must not be a /0: it names every address")]
    EveryAddress,
    /// Neither an address nor a CIDR block.
    #[error("must be an IPv4 or IPv6 address or a block such as 10.0.0.0/24 or 2001:db8::/32")]
    Malformed,
    /// More than [`IpList::BLOCKS_MAX`] blocks.
    #[error("must hold at most {} blocks", IpList::BLOCKS_MAX)]
    TooMany,
}

impl IpBlock {
    /// Parses an address or a CIDR block. Host bits are masked; spaces round it are ignored; an
    /// IPv4-mapped IPv6 block is the IPv4 block it maps, as addresses are matched in that form.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| AddressError::Malformed)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| AddressError::Malformed)?
            }
            Some(_) => return Err(AddressError::Malformed),
        };
        let (address, prefix) = match (address.to_canonical(), prefix) {
            (mapped, 96..) if mapped != address => (mapped, prefix - 96),
            _ => (address, prefix),
        };
        if prefix == 0 {
            return Err(AddressError::EveryAddress);
        }
        let block = IpNet::new(address, prefix).map_err(|_| AddressError::Malformed)?;
        Ok(IpBlock(block.trunc()))
    }
}

impl IpList {
    /// Most blocks in a list: each request walks it.
    pub const BLOCKS_MAX: usize = 1_000;

    /// A list of `blocks`.
    pub fn new(blocks: Vec<IpBlock>) -> Result<Self, AddressError> {
        if blocks.len() > Self::BLOCKS_MAX {
            return Err(AddressError::TooMany);
        }
        Ok(IpList(blocks))
    }

    /// Parses blocks parted by commas; a blank text is the empty list.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.trim().is_empty() {
            return Ok(IpList::default());
        }
        IpList::from_texts(text.split(','))
    }

    /// Parses one block a text.
    pub fn from_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, AddressError> {
        let one_too_many = texts.into_iter().take(Self::BLOCKS_MAX + 1);
        IpList::new(one_too_many.map(IpBlock::parse).collect::<Result<_, _>>()?)
    }

    /// A list that is not empty and holds no address a request can come from: `::` is none.
    #[must_use]
    pub fn nobody() -> Self {
        IpList(vec![IpBlock(IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128)))])
    }

    /// 127.0.0.0/8 and ::1.
    #[must_use]
    pub fn loopback() -> Self {
        IpList(vec![
            IpBlock(IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8))),
            IpBlock(IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128))),
        ])
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a block holds `address`; an IPv4-mapped IPv6 address is taken as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|block| block.0.contains(&address))
    }
}

/// Whose request this is: the peer's, unless the peer is a trusted proxy; then the right-most
/// X-Forwarded-For entry that is no trusted proxy, or the left-most where all are.
///
/// `forwarded_for` are the header's values in the order they were received. An entry that is no
/// address ends the search at the entry to its right (or the peer), so nothing a client writes left
/// of what trusted proxies vouch for is believed.
#[must_use]
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &IpList,
) -> IpAddr {
    let mut client = peer.to_canonical();
    let entries = forwarded_for.rev().flat_map(|value| value.rsplit(|&byte| byte == b','));
    for entry in entries {
        if !trusted.contains(client) {
            break;
        }
        let Some(address) = forwarded_address(entry) else { break };
        client = address;
    }
    client
}

/// An address as proxies write it: plain, in brackets, or with a port.
fn forwarded_address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry.trim_ascii()).ok()?;
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let address = bare
        .parse()
        .or_else(|_| entry.parse::<std::net::SocketAddr>().map(|with_port| with_port.ip()))
        .ok()?;
    Some(IpAddr::to_canonical(&address))
}
