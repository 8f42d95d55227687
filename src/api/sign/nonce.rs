//! Nonces that were used: a request that is sent again by somebody who saw it is refused.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::units::Monotonic;

/// How long a nonce is remembered: a request may be dated 15 minutes ahead and is taken until 15
/// minutes after its date.
const KEPT: Duration = Duration::from_mins(30);
/// Most that are remembered. Only requests with a right signature leave one.
const MOST: usize = 200_000;

/// Key and nonce, hashed: however long, they take the same room.
type Mark = [u8; 32];

/// Nonces of the last half hour.
#[derive(Debug, Default)]
pub struct Spent {
    marks: BTreeSet<Mark>,
    by_time: VecDeque<(Monotonic, Mark)>,
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpentError {
    /// It was used within the last half hour.
    #[error("the nonce was used before")]
    Used,
    /// So many are remembered that none can be told from a used one.
    #[error("too many requests within half an hour")]
    Full,
}

impl Spent {
    /// Spends a nonce of a key.
    ///
    /// # Errors
    /// Where it was spent before, or no more can be remembered.
    pub fn spend(&mut self, key_id: &str, nonce: &str, now: Monotonic) -> Result<(), SpentError> {
        while let Some((at, mark)) = self.by_time.front() {
            if now.since(*at) < KEPT {
                break;
            }
            self.marks.remove(mark);
            self.by_time.pop_front();
        }
        let length = (key_id.len() as u64).to_be_bytes();
        let hash = Sha256::new().chain_update(length).chain_update(key_id).chain_update(nonce);
        let mark: Mark = hash.finalize().into();
        if self.marks.contains(&mark) {
            return Err(SpentError::Used);
        }
        if self.marks.len() >= MOST {
            return Err(SpentError::Full);
        }
        self.marks.insert(mark);
        self.by_time.push_back((now, mark));
        Ok(())
    }
}
