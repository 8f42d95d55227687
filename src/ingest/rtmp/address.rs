//! What a publish asks for: `rtmp://{host}/{group}/{channel}?user=…&password=…&input=2`, which
//! encoders send as an application and the name of a stream, each with a query or without.

use thiserror::Error;
use url::form_urlencoded;

use crate::media::VariantName;
use crate::packager::InputId;

/// Longest application or name that is looked at.
const LENGTH_MAX: usize = 1_024;

/// Where a publish goes, and what it shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) group: String,
    /// The channel, or channel and rung.
    pub(super) stream: String,
    pub(super) input: InputId,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// Why a publish goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum AddressFault {
    #[error(
        "publish to rtmp://host/{{group}}/{{channel}} or /{{group}}/{{channel}}_{{rung}}: group and channel are one name each"
    )]
    Path,
    #[error("input={0} is not known: 1 and 2 are")]
    Input(String),
}

impl Address {
    /// Reads application and name; of what both queries say the name's counts.
    ///
    /// # Errors
    /// Where they name no place.
    pub(super) fn parse(app: &str, name: &str) -> Result<Self, AddressFault> {
        if app.len().max(name.len()) > LENGTH_MAX {
            return Err(AddressFault::Path);
        }
        let (group, of_app) = app.split_once('?').unwrap_or((app, ""));
        let (stream, of_name) = name.split_once('?').unwrap_or((name, ""));
        let (group, stream) = (group.trim_matches('/'), stream.trim_matches('/'));
        let plain = |name: &str| !name.is_empty() && !name.contains('/');
        if !plain(group) || !plain(stream) {
            return Err(AddressFault::Path);
        }
        let mut address = Address {
            group: group.to_owned(),
            stream: stream.to_owned(),
            input: InputId(1),
            user: None,
            password: None,
        };
        let pairs =
            [of_app, of_name].into_iter().flat_map(|q| form_urlencoded::parse(q.as_bytes()));
        for (key, value) in pairs {
            match &*key {
                "user" => address.user = Some(value.into_owned()),
                "pass" | "password" => address.password = Some(value.into_owned()),
                "auth" => {
                    let (user, password) = value.split_once(':').unwrap_or((&value, ""));
                    address.user = Some(user.to_owned());
                    address.password = Some(password.to_owned());
                }
                "input" => {
                    address.input = match &*value {
                        "1" => InputId(1),
                        "2" => InputId(2),
                        _ => return Err(AddressFault::Input(value.into_owned())),
                    }
                }
                // Encoders and their services add keys of their own.
                _ => {}
            }
        }
        Ok(address)
    }

    /// Channel and rung: the whole name, or the longest beginning before a `_` that is a channel's.
    pub(super) fn place(&self, is_channel: impl Fn(&str) -> bool) -> Option<(&str, VariantName)> {
        let stream = self.stream.as_str();
        if is_channel(stream) {
            return Some((stream, VariantName::default()));
        }
        stream.rmatch_indices('_').find_map(|(at, _)| {
            let (channel, rung) = (&stream[..at], &stream[at + 1..]);
            let rung = VariantName::parse(rung).filter(|rung| !rung.as_str().is_empty())?;
            is_channel(channel).then_some((channel, rung))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(app: &str, name: &str) -> Address {
        Address::parse(app, name).unwrap_or_else(|fault| panic!("{app} {name}: {fault}"))
    }

    #[test]
    fn application_and_name_are_group_and_channel() {
        let plain = parsed("news", "one");
        assert_eq!((&*plain.group, &*plain.stream, plain.input), ("news", "one", InputId(1)));
        assert_eq!((plain.user, plain.password), (None, None));
        for (app, name) in [("/news/", "one"), ("news", "/one"), ("news?a", "one?b=c&d")] {
            assert_eq!(parsed(app, name).stream, "one");
        }
    }

    #[test]
    fn keys_stand_in_either_query_and_the_names_count() {
        let keys = |app, name| {
            let Address { input, user, password, .. } = parsed(app, name);
            (input.0, user.unwrap_or_default(), password.unwrap_or_default())
        };
        let shown = (2, "e n".to_owned(), "p:&é".to_owned());
        assert_eq!(keys("g", "c?user=e%20n&pass=p:%26%C3%A9&input=2"), shown);
        assert_eq!(keys("g?user=e+n&password=p:%26%C3%A9", "c?input=2"), shown);
        assert_eq!(keys("g", "c?auth=e+n:p:%26%C3%A9&input=2"), shown);
        assert_eq!(keys("g?input=1&user=x", "c?input=2&user=e+n&pass=p:%26%C3%A9"), shown);
    }

    #[test]
    fn other_places_are_refused_with_what_is_allowed() {
        for (app, name) in [("", "c"), ("g", ""), ("g", "?user=a"), ("a/b", "c"), ("g", "c/d")] {
            assert_eq!(Address::parse(app, name).err(), Some(AddressFault::Path), "{app} {name}");
        }
        assert!(Address::parse("g", &"c".repeat(1_025)).is_err());
        let fault = Address::parse("g", "c?input=3").err().expect("a fault");
        assert_eq!(fault.to_string(), "input=3 is not known: 1 and 2 are");
        assert!(AddressFault::Path.to_string().contains("rtmp://host/{group}/{channel}"));
    }

    #[test]
    fn a_channel_with_the_whole_name_wins_over_a_rung() {
        let place = |stream: &str, channels: &[&str]| {
            let address = parsed("g", stream);
            let placed = address.place(|name| channels.contains(&name));
            placed.map(|(channel, rung)| (channel.to_owned(), rung.as_str().to_owned()))
        };
        let found = |channel: &str, rung: &str| Some((channel.to_owned(), rung.to_owned()));
        assert_eq!(place("one", &["one"]), found("one", ""));
        assert_eq!(place("one_hd", &["one"]), found("one", "hd"));
        assert_eq!(place("one_hd", &["one", "one_hd"]), found("one_hd", ""));
        assert_eq!(place("one_hd_low", &["one", "one_hd"]), found("one_hd", "low"));
        assert_eq!(place("one_hd_low", &["one"]), found("one", "hd_low"));
        assert_eq!(place("one_", &["one"]), None);
        assert_eq!(place("one_h.d", &["one"]), None);
        assert_eq!(place("two_hd", &["one"]), None);
    }
}
