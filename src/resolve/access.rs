//! Who may read an endpoint: address lists and an authorization code.
//!
//! Every configured control must pass: the blacklist is asked first, then the whitelist, then a header
//! of the endpoint's own, then the code. A control that is not configured is not checked, and rules without any control exist only
//! where they are declared open. Which status a refusal gets, and that its body never tells the
//! reason, belongs to `http`; the names of headers do too.

mod address;
mod secret;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use thiserror::Error;

pub use address::{AddressError, IpBlock, IpList, client_address};
pub use secret::{Secret, SecretError};

/// The guard of one endpoint. It cannot exist without a control unless it is declared open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRules {
    blacklist: IpList,
    whitelist: IpList,
    code: Option<Secret>,
    /// A header of the endpoint's own, and what it must say.
    identifier: Option<(String, Secret)>,
    closed: bool,
}

/// Rules that would let everybody in without saying so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "needs authorization_code, ip_whitelist or cdn_identifier_header, or open = true to let everybody read"
)]
pub struct NoControl;

/// What one request tells of who asks.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    /// Where it comes from, as [`client_address`] has it.
    pub address: IpAddr,
    /// The value of the configured header.
    pub code: Option<&'a [u8]>,
    /// What stands after `Bearer ` in the Authorization header (RFC 6750 §2.1).
    pub bearer: Option<&'a [u8]>,
    /// The value of the endpoint's own header, [`AccessRules::identifier_header`].
    pub identifier: Option<&'a [u8]>,
}

/// Why a viewer is refused. For logs and metrics only: all refusals look alike to the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Refused {
    /// The address is on the blacklist.
    #[error("address is on the blacklist")]
    Blacklisted,
    /// Nobody is let in.
    #[error("the endpoint lets nobody in")]
    Closed,
    /// A header of the endpoint's own is asked for and was not given.
    #[error("the endpoint's own header was not given")]
    NoIdentifier,
    /// The endpoint's own header says something else.
    #[error("the endpoint's own header is wrong")]
    WrongIdentifier,
    /// A code is asked for and none was given.
    #[error("no authorization code was given")]
    NoCode,
    /// There is a whitelist and the address is not on it.
    #[error("address is not on the whitelist")]
    NotWhitelisted,
    /// No code that was given is the endpoint's.
    #[error("authorization code is wrong")]
    WrongCode,
}

impl Refused {
    /// The label of metrics and logs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Refused::Blacklisted => "blacklisted",
            Refused::Closed => "closed",
            Refused::NoIdentifier => "no_identifier",
            Refused::WrongIdentifier => "wrong_identifier",
            Refused::NoCode => "no_code",
            Refused::NotWhitelisted => "not_whitelisted",
            Refused::WrongCode => "wrong_code",
        }
    }
}

impl AccessRules {
    /// Rules of these controls; an empty list is a control that is not configured. A blacklist
    /// alone is no control, as it lets in all it does not name.
    ///
    /// # Errors
    /// [`NoControl`] where neither a whitelist nor a code is given and `open` is false. `open`
    /// lifts no control that is given.
    pub fn new(
        blacklist: IpList,
        whitelist: IpList,
        code: Option<Secret>,
        open: bool,
    ) -> Result<Self, NoControl> {
        if whitelist.is_empty() && code.is_none() && !open {
            return Err(NoControl);
        }
        Ok(AccessRules { blacklist, whitelist, code, identifier: None, closed: false })
    }

    /// The same with one control more: a header, its name in lower case, that must have this value.
    #[must_use]
    pub fn with_identifier(self, header: String, value: Secret) -> Self {
        AccessRules { identifier: Some((header, value)), ..self }
    }

    /// Rules that let nobody in.
    #[must_use]
    pub fn closed() -> Self {
        AccessRules { closed: true, ..Self::open() }
    }

    /// The header of the endpoint's own that a viewer must show, in lower case.
    #[must_use]
    pub fn identifier_header(&self) -> Option<&str> {
        self.identifier.as_ref().map(|(name, _)| name.as_str())
    }

    /// Rules of a guard that is known to have a whitelist or a code; without both nobody is let in.
    #[must_use]
    pub fn guarded(blacklist: IpList, whitelist: IpList, code: Option<Secret>) -> Self {
        let everybody_out = whitelist.is_empty() && code.is_none();
        let whitelist = if everybody_out { IpList::nobody() } else { whitelist };
        AccessRules { blacklist, whitelist, code, ..Self::open() }
    }

    /// Rules that let everybody in.
    #[must_use]
    pub fn open() -> Self {
        let (blacklist, whitelist) = (IpList::default(), IpList::default());
        AccessRules { blacklist, whitelist, code: None, identifier: None, closed: false }
    }

    /// Whether `viewer` may read the endpoint. The code may come in either header.
    pub fn check(&self, viewer: &Viewer<'_>) -> Result<(), Refused> {
        if self.closed {
            return Err(Refused::Closed);
        }
        if self.blacklist.contains(viewer.address) {
            return Err(Refused::Blacklisted);
        }
        if !self.whitelist.is_empty() && !self.whitelist.contains(viewer.address) {
            return Err(Refused::NotWhitelisted);
        }
        if let Some((_, wanted)) = &self.identifier {
            match viewer.identifier {
                None => return Err(Refused::NoIdentifier),
                Some(given) if !wanted.matches(given) => return Err(Refused::WrongIdentifier),
                Some(_) => {}
            }
        }
        let Some(code) = &self.code else { return Ok(()) };
        match (viewer.code, viewer.bearer) {
            (None, None) => Err(Refused::NoCode),
            (given, bearer) => {
                // Both are compared whatever the first one gave, so time tells nothing.
                let by_header = given.is_some_and(|given| code.matches(given));
                let by_bearer = bearer.is_some_and(|given| code.matches(given));
                if by_header | by_bearer { Ok(()) } else { Err(Refused::WrongCode) }
            }
        }
    }
}
