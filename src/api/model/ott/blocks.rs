//! Lists of address blocks of OTT channels, kept as they were written. A block may hold every address.

use serde::{Deserialize, Serialize};

use crate::api::model::value::{AddressesError, Text};
use crate::resolve::{AddressError, IpBlock, IpList};

/// What holds every address is kept as its halves.
const EVERY_ADDRESS: [(&str, [&str; 2]); 2] =
    [("0.0.0.0/0", ["0.0.0.0/1", "128.0.0.0/1"]), ("::/0", ["::/1", "8000::/1"])];

/// Addresses and blocks parted by commas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blocks {
    written: Text<20_000>,
    list: IpList,
}

impl Blocks {
    /// What it names.
    #[must_use]
    pub fn list(&self) -> &IpList {
        &self.list
    }
}

impl TryFrom<String> for Blocks {
    type Error = AddressesError;
    fn try_from(text: String) -> Result<Self, AddressesError> {
        let written: Text<20_000> = Text::try_from(text)?;
        let mut blocks = Vec::new();
        for entry in written.as_str().split(',').map(str::trim) {
            match EVERY_ADDRESS.iter().find(|(every, _)| *every == entry) {
                Some((_, halves)) => {
                    let halves = halves.iter().map(|half| IpBlock::parse(half));
                    blocks.extend(halves.collect::<Result<Vec<_>, AddressError>>()?);
                }
                None => blocks.push(IpBlock::parse(entry)?),
            }
        }
        Ok(Blocks { list: IpList::new(blocks)?, written })
    }
}

impl From<Blocks> for String {
    fn from(blocks: Blocks) -> String {
        blocks.written.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_a_block_too() {
        let read = |text: &str| Blocks::try_from(text.to_owned());
        let all = read("0.0.0.0/0, ::/0").expect("blocks");
        for address in ["1.2.3.4", "200.1.1.1", "2001:db8::1", "fe80::1"] {
            assert!(all.list().contains(address.parse().expect("an address")), "{address}");
        }
        let some = read("10.0.0.0/8,192.0.2.7").expect("blocks");
        assert!(!some.list().contains("11.0.0.1".parse().expect("an address")));
        for wrong in ["", "10.0.0.0/8,", "10.0.0.0/33", "everyone"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(String::from(all), "0.0.0.0/0, ::/0");
    }
}
