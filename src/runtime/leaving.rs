//! Endpoints that are wanted no more, or whose lists would be others under one name. What they were is kept as
//! it was until who watches them has seen their lists end.

use std::collections::BTreeMap;

use crate::config::Endpoint;
use crate::packager::Served;
use crate::resolve::Container;
use crate::units::Monotonic;

/// An endpoint with its number in URLs, and what it is served from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) endpoint: Endpoint,
    pub(super) served: Served,
}

/// What an endpoint was, and until when that is answered.
#[derive(Clone, Debug)]
pub(super) struct Former {
    pub(super) form: Form,
    until: Monotonic,
}

/// Whether lists that players hold go on under the same URLs when one endpoint becomes the other: those of
/// the same objects, in the same manifests.
pub(super) fn goes_on(before: &Endpoint, after: &Endpoint) -> bool {
    let muxed = |e: &Endpoint| {
        (e.protocol.container() == Container::TransportStream)
            .then_some(!e.use_audio_rendition_groups)
    };
    muxed(before) == muxed(after)
        && (!before.protocol.has_hls() || after.protocol.has_hls())
        && (!before.protocol.has_dash() || after.protocol.has_dash())
}

impl Form {
    /// Whether `after` is what this has become, for all who watch it.
    fn is_still(&self, after: &BTreeMap<u32, Form>) -> bool {
        after.get(&self.endpoint.ordinal).is_some_and(|after| {
            goes_on(&self.endpoint, &after.endpoint)
                && self.served.generation == after.served.generation
        })
    }

    /// Whether both can be packaged at once: a channel has one grid of parts, and Low-Latency HLS is cut
    /// where its segments are.
    fn is_beside(&self, other: &Form) -> bool {
        let lead = self.endpoint.protocol.low_latency() && other.endpoint.protocol.low_latency();
        match (self.served.key.part_ms, other.served.key.part_ms) {
            (Some(a), Some(b)) => {
                a == b && (!lead || self.served.key.segment_ms == other.served.key.segment_ms)
            }
            _ => true,
        }
    }
}

/// Those that are to be answered still, the newest first: of `formers` and of the forms that were in force
/// `before`, what has not come to its time `now` and is not what stays `after`. What is new among them is
/// answered `until` then.
pub(super) fn beside(
    after: &BTreeMap<u32, Form>,
    before: impl IntoIterator<Item = Form>,
    formers: Vec<Former>,
    (now, until): (Monotonic, Monotonic),
) -> Vec<Former> {
    let new = before.into_iter().map(|form| Former { form, until });
    let mut kept: Vec<Former> = Vec::new();
    for former in new.chain(formers) {
        let place = |form: &Form| (form.endpoint.ordinal, form.served.generation);
        let is_known = kept.iter().any(|other| {
            place(&other.form) == place(&former.form)
                && goes_on(&former.form.endpoint, &other.form.endpoint)
        });
        if former.until <= now || former.form.is_still(after) || is_known {
            continue;
        }
        let mut others = after.values().chain(kept.iter().map(|other| &other.form));
        if others.all(|other| former.form.is_beside(other)) {
            kept.push(former);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::packager::SegmentationKey;

    fn form(protocol: &str, generation: u32) -> Form {
        let text = format!(
            "[[channel]]\ngroup = \"g\"\nname = \"c\"\n[[channel.endpoint]]\nname = \"e\"\n\
             protocol = \"{protocol}\"\nsegment_duration = \"2s\"\nopen = true\n"
        );
        let endpoint = Config::parse(&text).expect("valid").channels[0].endpoints[0].clone();
        let key = SegmentationKey::new(2000, None);
        let name = "e".to_owned();
        Form { endpoint, served: Served { name, key, generation, muxed: None, packets: None } }
    }

    #[test]
    fn what_leaves_is_answered_until_its_time_and_each_form_once() {
        let (cmaf, packets) = (form("HLS_CMAF", 0), form("HLS", 1));
        let now = |form: &Form| BTreeMap::from([(1, form.clone())]);
        let at = |n: u64| (Monotonic(n), Monotonic(n + 10));
        let left = beside(&now(&packets), [cmaf.clone()], Vec::new(), at(0));
        assert_eq!(left.iter().map(|former| &former.form).collect::<Vec<_>>(), [&cmaf]);
        // Nothing changes but the time.
        let left = beside(&now(&packets), [packets.clone()], left, at(9));
        assert_eq!(left.len(), 1, "its time is that of its change");
        // What is wanted again under another name is not what left.
        let again = form("HLS_CMAF", 2);
        let both = beside(&now(&again), [packets.clone()], left.clone(), at(9));
        assert_eq!(both.iter().map(|f| &f.form).collect::<Vec<_>>(), [&packets, &cmaf]);
        assert_eq!(beside(&now(&packets), [packets.clone()], left, at(10)).len(), 0);
        // A list that goes on has not left.
        assert_eq!(beside(&now(&cmaf), [cmaf.clone()], Vec::new(), at(0)).len(), 0);
    }
}
