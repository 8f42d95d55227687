//! What must not be guessed: passwords and the ids of requests.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use thiserror::Error;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use super::model::group::Input;

/// The system has no random bytes to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there are no random bytes")]
pub(super) struct NoRandomness;

fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    let filled = aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    filled.map(|()| bytes).map_err(|_| NoRandomness)
}

/// A random UUID (RFC 9562 §5.4) in capitals; all zeros where there is no randomness, as nothing
/// depends on it.
#[must_use]
pub(super) fn request_id() -> String {
    let mut b = bytes::<16>().unwrap_or_default();
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let n = u128::from_be_bytes(b);
    let field = |shift: u32, digits: usize| {
        let mask = (1_u128 << (digits * 4)) - 1;
        format!("{:0digits$X}", (n >> shift) & mask)
    };
    [field(96, 8), field(80, 4), field(64, 4), field(48, 4), field(0, 12)].join("-")
}

/// Credentials for an input: a user of 12 and a password of 32 characters that need no escape in URLs.
pub(super) fn credentials() -> Result<Input, NoRandomness> {
    let user = BASE64_URL_SAFE_NO_PAD.encode(bytes::<9>()?);
    let password = BASE64_URL_SAFE_NO_PAD.encode(bytes::<24>()?);
    Ok(Input { user, password })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_passwords_have_their_form_and_do_not_repeat() {
        let id = request_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(id.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        assert_eq!(id.as_bytes()[14], b'4');
        assert_ne!(id, request_id());
        let (one, two) = (credentials().expect("random"), credentials().expect("random"));
        assert_eq!((one.user.len(), one.password.len()), (12, 32));
        assert_ne!(one.password, two.password);
    }
}
