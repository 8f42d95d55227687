//! Readers of single values: each takes what is written and gives a type that cannot be wrong.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use http::header::AUTHORIZATION;
use toml::de::DeValue;
use url::Url;

use super::access_key::Scope;
use super::fault::Problem;
use super::name::{ManifestName, Name};
use super::public_url::PublicUrl;
use super::pull::{Pull, PullSource, PullUrl};
use super::text;
use crate::manifest::StreamOrder;
use crate::resolve::{IpBlock, Protocol, Published, Secret};
use crate::units::{Bitrate, MediaDuration};

/// A written value that became a `T`, or what is wrong with it.
type Read<T> = Result<T, Problem>;

const BITRATE_MAX: u64 = 10_000_000_000;
/// Most places that a source is read at.
const PULL_PLACES_MAX: usize = 8;

fn string<'v>(value: &'v DeValue<'_>) -> Read<&'v str> {
    value.as_str().ok_or(Problem::WrongKind { expected: "a string" })
}

pub(super) fn boolean(value: &DeValue<'_>) -> Read<bool> {
    value.as_bool().ok_or(Problem::WrongKind { expected: "true or false" })
}

/// A whole number from `min` to `max`.
pub(super) fn count(min: u64, max: u64) -> impl Fn(&DeValue<'_>) -> Read<usize> {
    move |value| {
        whole(value)
            .filter(|number| (min..=max).contains(number))
            .and_then(|number| usize::try_from(number).ok())
            .ok_or(Problem::Count { min, max })
    }
}

/// A size from `min` to `max` bytes.
pub(super) fn size(min: usize, max: usize) -> impl Fn(&DeValue<'_>) -> Read<usize> {
    move |value| {
        whole(value)
            .or_else(|| value.as_str().and_then(text::size))
            .and_then(|bytes| usize::try_from(bytes).ok())
            .filter(|bytes| (min..=max).contains(bytes))
            .ok_or(Problem::Size { min, max })
    }
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A rate from 1 bit/s to 10 Gbit/s.
pub(super) fn bitrate(value: &DeValue<'_>) -> Read<Bitrate> {
    whole(value)
        .or_else(|| value.as_str().and_then(text::bitrate))
        .filter(|bits| (1..=BITRATE_MAX).contains(bits))
        .map(Bitrate)
        .ok_or(Problem::Bitrate)
}

/// Whether the main input is preferred.
pub(super) fn preference(value: &DeValue<'_>) -> Read<bool> {
    match value.as_str() {
        Some("EQUAL") => Ok(false),
        Some("PRIMARY") => Ok(true),
        _ => Err(Problem::InputPreference),
    }
}

pub(super) fn stream_order(value: &DeValue<'_>) -> Read<StreamOrder> {
    let named = |name| StreamOrder::ALL.into_iter().find(|order| order.name() == name);
    value.as_str().and_then(named).ok_or(Problem::StreamOrder)
}

/// A wait from `min` to `max`.
pub(super) fn duration(min: Duration, max: Duration) -> impl Fn(&DeValue<'_>) -> Read<Duration> {
    move |value| {
        value
            .as_str()
            .and_then(text::duration)
            .filter(|wait| (min..=max).contains(wait))
            .ok_or(Problem::Duration { min, max })
    }
}

/// A stretch of media from `min` to `max`, whole milliseconds.
pub(super) fn media(min: Duration, max: Duration) -> impl Fn(&DeValue<'_>) -> Read<MediaDuration> {
    move |value| {
        let millis = duration(min, max)(value)?.as_millis();
        let millis = i64::try_from(millis).map_err(|_| Problem::Duration { min, max })?;
        Ok(MediaDuration::from_millis(millis))
    }
}

pub(super) fn listen_address(value: &DeValue<'_>) -> Read<SocketAddr> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or(Problem::ListenAddress)
}

pub(super) fn header_name(value: &DeValue<'_>) -> Read<HeaderName> {
    value
        .as_str()
        .and_then(|text| HeaderName::from_bytes(text.as_bytes()).ok())
        .filter(|name| name != AUTHORIZATION)
        .ok_or(Problem::HeaderName)
}

pub(super) fn path(value: &DeValue<'_>) -> Read<PathBuf> {
    let plain = |text: &&str| !text.is_empty() && !text.contains('\0');
    value.as_str().filter(plain).map(PathBuf::from).ok_or(Problem::Path)
}

pub(super) fn name(value: &DeValue<'_>) -> Read<Name> {
    value.as_str().and_then(Name::parse).ok_or(Problem::Name)
}

pub(super) fn manifest_name(value: &DeValue<'_>) -> Read<ManifestName> {
    value.as_str().and_then(ManifestName::parse).ok_or(Problem::ManifestName)
}

pub(super) fn protocol(value: &DeValue<'_>) -> Read<Protocol> {
    Ok(Protocol::parse(string(value)?)?)
}

pub(super) fn address_block(value: &DeValue<'_>) -> Read<IpBlock> {
    Ok(IpBlock::parse(string(value)?)?)
}

pub(super) fn web_url(value: &DeValue<'_>) -> Read<Url> {
    let url = value.as_str().and_then(PullUrl::parse).ok_or(Problem::WebUrl)?;
    Ok(url.url().clone())
}

/// A URL, or several of which each stands in for those before it.
pub(super) fn pull(value: &DeValue<'_>) -> Read<Pull> {
    let url = |value: &DeValue<'_>| value.as_str().and_then(PullUrl::parse);
    let urls: Option<Vec<PullUrl>> = match value {
        DeValue::Array(array) if array.len() <= PULL_PLACES_MAX => {
            array.iter().map(|entry| url(entry.get_ref())).collect()
        }
        single => url(single).map(|url| vec![url]),
    };
    let urls = urls.filter(|urls| !urls.is_empty()).ok_or(Problem::PullUrl)?;
    Pull::new(vec![PullSource { urls, bitrate: None, max_bitrate: None }]).ok_or(Problem::PullUrl)
}

/// The address of an object store.
pub(super) fn store_url(value: &DeValue<'_>) -> Read<Url> {
    let url = value.as_str().and_then(|text| Url::parse(text).ok());
    let known = |url: &Url| match url.scheme() {
        "s3" | "gs" | "az" => url.has_host(),
        "file" => !url.has_host() && url.path().len() > 1,
        _ => false,
    };
    url.filter(known).ok_or(Problem::StoreUrl)
}

/// A word without a space, that is printed as it is.
pub(super) fn word(value: &DeValue<'_>) -> Read<String> {
    let plain = |text: &&str| {
        (1..=1000).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    };
    value.as_str().filter(plain).map(str::to_owned).ok_or(Problem::Word)
}

/// Where a manifest stands beside `/v1/`.
pub(super) fn published(value: &DeValue<'_>) -> Read<Published> {
    Ok(Published::parse(string(value)?)?)
}

/// The name of a query's parameter that is not one of the server's own.
pub(super) fn parameter(value: &DeValue<'_>) -> Read<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let plain = |text: &&str| (1..=64).contains(&text.len()) && text.bytes().all(allowed);
    let own = |text: &&str| text.starts_with("_HLS_") || matches!(*text, "shift" | "tracks");
    let name = value.as_str().filter(plain).filter(|text| !own(text));
    name.map(str::to_owned).ok_or(Problem::ParameterName)
}

pub(super) fn is_iso8601(value: &DeValue<'_>) -> Read<bool> {
    match value.as_str() {
        Some("timestamp") => Ok(false),
        Some("iso8601") => Ok(true),
        _ => Err(Problem::TimeFormat),
    }
}

pub(super) fn is_millisecond(value: &DeValue<'_>) -> Read<bool> {
    match value.as_str() {
        Some("second") => Ok(false),
        Some("millisecond") => Ok(true),
        _ => Err(Problem::TimeUnit),
    }
}

/// What a header must say: a secret that a header can carry.
pub(super) fn header_value(value: &DeValue<'_>) -> Read<Secret> {
    let plain = |text: &&str| text.bytes().all(|b| (b' '..=b'~').contains(&b));
    let plain = value.as_str().filter(plain).filter(|text| text.trim() == *text);
    let secret = plain.and_then(|text| Secret::new(text).ok());
    secret.ok_or(Problem::HeaderValue)
}

pub(super) fn public_url(value: &DeValue<'_>) -> Read<PublicUrl> {
    value.as_str().and_then(PublicUrl::parse).ok_or(Problem::PublicUrl)
}

pub(super) fn key_id(value: &DeValue<'_>) -> Read<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let plain = |text: &&str| (1..=128).contains(&text.len()) && text.bytes().all(allowed);
    value.as_str().filter(plain).map(str::to_owned).ok_or(Problem::KeyId)
}

pub(super) fn scope(value: &DeValue<'_>) -> Read<Scope> {
    let named = |name| Scope::ALL.into_iter().find(|scope| scope.name() == name);
    value.as_str().and_then(named).ok_or(Problem::Scope)
}

pub(super) fn user(value: &DeValue<'_>) -> Read<String> {
    // RFC 7617 §2: a user-id holds neither a colon nor a control character.
    let plain = |c: char| c != ':' && !c.is_control();
    let user = |text: &&str| (1..=200).contains(&text.len()) && text.chars().all(plain);
    value.as_str().filter(user).map(str::to_owned).ok_or(Problem::User)
}

pub(super) fn password(value: &DeValue<'_>) -> Read<Secret> {
    let plain = |text: &&str| !text.chars().any(char::is_control);
    let secret = value.as_str().filter(plain).and_then(|text| Secret::new(text).ok());
    secret.ok_or(Problem::Password)
}

pub(super) fn authorization_code(value: &DeValue<'_>) -> Read<Secret> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let plain = |text: &&str| text.bytes().all(allowed);
    let secret = value.as_str().filter(plain).and_then(|text| Secret::new(text).ok());
    secret.ok_or(Problem::AuthorizationCode)
}
