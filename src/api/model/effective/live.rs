//! A live stream as a channel: made when it is published, from the configurations that match it then.

use super::secs;
use crate::api::model::live::{PackageForm, PackageProtocol, ShiftForm};
use crate::api::model::value::Whole;
use crate::config::{self, Failover, Limits, ManifestName, Name, days};
use crate::manifest::Presentation;
use crate::resolve::{AccessRules, IpList, Names, Protocol};
use crate::units::MediaDuration;

/// The channel of a stream. Its one endpoint has number 1; who may read it is the domain's business,
/// so it is open.
#[must_use]
pub fn live_channel(
    (group, name): (Name, Name),
    package: &PackageForm,
    shift: Option<&ShiftForm>,
    limits: &Limits,
) -> config::Channel {
    let protocol = match package.protocol {
        PackageProtocol::HlsCmaf => Protocol::HlsCmaf,
        PackageProtocol::LlHlsTs => Protocol::LlHlsTs,
        PackageProtocol::LlHlsCmaf => Protocol::LlHlsCmaf,
        PackageProtocol::DashCmaf => Protocol::DashCmaf,
        PackageProtocol::HlsDashCmaf => Protocol::HlsDashCmaf,
    };
    let part = MediaDuration::from_millis(i64::from(package.part_duration.unsigned()));
    let segment = secs(package.segment_duration.unsigned());
    let segment_num = package.segment_num.unsigned();
    let dash_window = segment.times(i64::from(segment_num)).min(limits.memory_window);
    let endpoint = config::Endpoint {
        name: name.clone(),
        ordinal: 1,
        protocol,
        use_audio_rendition_groups: false,
        segment_num,
        segment_duration: segment,
        part_duration: protocol.low_latency().then_some(part),
        window: protocol.has_dash().then(|| dash_window.max(segment.times(3))),
        timeshift: days(shift.map_or(0, |shift| Whole::unsigned(shift.vision))),
        manifest_name: ManifestName::default(),
        presentation: Presentation::default(),
        shift_names: Names::default(),
        selections: Vec::new(),
        published: Vec::new(),
        encrypted: false,
        access: AccessRules::open(),
    };
    config::Channel {
        group,
        name,
        loop_file: None,
        slate: None,
        inputs: [None, None],
        whitelists: [IpList::default(), IpList::default()],
        pulls: [None, None],
        failover: Failover::default(),
        endpoints: vec![endpoint],
    }
}
