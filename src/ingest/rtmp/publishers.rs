//! Who publishes to a channel: a session a rung of an input.

use std::sync::Arc;

use dashmap::DashMap;

use super::publication::Publication;
use crate::ingest::push::RungSession;
use crate::media::VariantName;
use crate::packager::InputId;
use crate::runtime::Origin;

/// What encoders publish to one channel, or did a moment ago.
#[derive(Debug, Default)]
pub struct Publishers {
    sessions: DashMap<(InputId, VariantName), Arc<RungSession<Publication>>>,
    /// By input: the time all its rungs unroll against.
    references: DashMap<InputId, i64>,
}

impl Publishers {
    /// The session of a rung. The map is held no longer than this: whoever waits for a session must
    /// not keep others from the map.
    pub(super) fn session(
        &self,
        key: &(InputId, VariantName),
        origin: &Origin,
    ) -> Arc<RungSession<Publication>> {
        let known = self.sessions.entry(key.clone()).or_insert_with(|| {
            let publication = Publication::new(origin.new_source(key.0), key.1.clone());
            Arc::new(RungSession::new(publication))
        });
        Arc::clone(&known)
    }

    /// Whether this is the session of a rung.
    pub(super) fn knows(
        &self,
        key: &(InputId, VariantName),
        session: &Arc<RungSession<Publication>>,
    ) -> bool {
        self.sessions.get(key).is_some_and(|known| Arc::ptr_eq(&known, session))
    }

    /// Forgets a session that has been silent, if it is still its rung's.
    pub(super) fn forget(
        &self,
        key: &(InputId, VariantName),
        session: &Arc<RungSession<Publication>>,
    ) -> bool {
        let gone = self.sessions.remove_if(key, |_, known| Arc::ptr_eq(known, session)).is_some();
        if gone && self.sessions.iter().all(|session| session.key().0 != key.0) {
            self.references.remove(&key.0);
        }
        gone
    }

    /// Has a publication take something with the time all rungs of its input unroll against.
    pub(super) fn unroll(
        &self,
        input: InputId,
        publication: &mut Publication,
        take: impl FnOnce(&mut Publication),
    ) {
        if let Some(reference) = self.references.get(&input) {
            publication.set_reference(*reference);
        }
        take(publication);
        if let Some(reference) = publication.reference() {
            self.references.insert(input, reference);
        }
    }

    /// Whether nobody publishes, or did a moment ago.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sessions.is_empty()
    }
}
