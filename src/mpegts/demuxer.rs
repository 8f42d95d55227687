//! The demultiplexer: which PID is what, and what becomes of each packet.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::framing::{Framing, Unit};
use super::packet::{Arrival, Continuity, LENGTH, NULL_PID, Packet, Payload};
use super::programs::{Program, Programs};
use super::psi::{Listed, Pat, Pmt, PsiError, Sections};
use super::stream::Stream;
use super::track::Shared;
use super::{Event, LeftOut};
use crate::media::VariantName;

/// The PID of the program association table.
const PAT_PID: u16 = 0;

/// What one demultiplexer may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemuxerLimits {
    /// Bytes of the largest coded frame.
    pub pes_bytes: usize,
    /// Programmes of the transport stream.
    pub programs: usize,
    /// Elementary streams carried on, of all programmes.
    pub streams: usize,
}

impl Default for DemuxerLimits {
    fn default() -> Self {
        DemuxerLimits { pes_bytes: 4 << 20, programs: 16, streams: 32 }
    }
}

/// Takes one transport stream apart.
///
/// Push bytes as they come, in any pieces, then drain [`Demuxer::poll_event`]; events pile up until
/// they are drained. Between the bodies of one rung call [`Demuxer::end_of_body`]: tables, settings
/// and the unrolling of times are kept. **What was pushed can be wrong in every byte: that is
/// reported as [`Event::Fault`] and never ends the stream.**
#[derive(Debug)]
pub struct Demuxer {
    framing: Framing,
    core: Core,
}

#[derive(Debug)]
struct Core {
    folder: VariantName,
    limits: DemuxerLimits,
    programs: Programs,
    pids: BTreeMap<u16, Pid>,
    /// Of the newest packet: what was garbled before the alignment was lost.
    last_pid: u16,
    shared: Shared,
}

/// A PID that is looked at.
#[derive(Debug)]
struct Pid {
    continuity: Continuity,
    role: Role,
}

#[derive(Debug)]
enum Role {
    Pat(Sections),
    Pmt(Sections),
    Stream(Box<Stream>),
}

impl Demuxer {
    /// A demultiplexer for the transport stream of the rung `variant`. Where that lists more than
    /// one programme each becomes a rung: `{variant}-p{number}`, or `p{number}` for the empty name.
    #[must_use]
    pub fn new(variant: VariantName, limits: DemuxerLimits) -> Self {
        let mut core = Core {
            folder: variant,
            limits,
            programs: Programs::default(),
            pids: BTreeMap::new(),
            last_pid: NULL_PID,
            shared: Shared::default(),
        };
        core.set_role(PAT_PID, Role::Pat(Sections::default()));
        Demuxer { framing: Framing::default(), core }
    }

    /// Sets the instant, 90 kHz, near which 33-bit times are taken to lie: the newest decode time of
    /// any transport stream of the same input. Without it the first time stands as it is.
    pub fn set_reference(&mut self, unrolled_90k: i64) {
        self.core.shared.clock.reference = Some(unrolled_90k);
    }

    /// The newest decode time, 90 kHz, unrolled.
    #[must_use]
    pub fn reference(&self) -> Option<i64> {
        self.core.shared.clock.reference
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        let Demuxer { framing, core } = self;
        framing.push(bytes, |unit| core.unit(&unit));
    }

    /// The body has ended: gives the last frames. The next body may begin anywhere.
    pub fn end_of_body(&mut self) {
        let Demuxer { framing, core } = self;
        framing.end(|unit| core.unit(&unit));
        core.end_of_body();
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.shared.events.pop_front()
    }

    /// Bytes held for frames, tables and packets not yet complete; events are not counted.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let pids = self.core.pids.values().map(|pid| match &pid.role {
            Role::Pat(sections) | Role::Pmt(sections) => sections.held_bytes(),
            Role::Stream(stream) => stream.held_bytes(),
        });
        self.framing.held_bytes() + pids.sum::<usize>()
    }
}

impl Core {
    fn fault(&mut self, fault: Fault) {
        self.shared.events.push_back(Event::Fault(fault));
    }

    fn unit(&mut self, unit: &Unit<'_>) {
        match unit {
            Unit::Packet(bytes) => self.packet(bytes),
            Unit::Fault(fault) => {
                let last = self.last_pid;
                // Which PIDs the skipped bytes belonged to, their counters will tell; the packet
                // before them may hold some of them itself.
                let all = matches!(fault, Fault::BodyCutShort { .. });
                self.pids
                    .iter_mut()
                    .filter(|(pid, _)| all || **pid == last)
                    .for_each(|(_, pid)| pid.damage(&mut self.shared));
                self.fault(fault.clone());
            }
        }
    }

    fn packet(&mut self, bytes: &[u8; LENGTH]) {
        let packet = Packet::parse(bytes);
        self.last_pid = packet.pid;
        let Some(pid) = self.pids.get_mut(&packet.pid) else { return };
        if packet.transport_error {
            self.fault(Fault::TransportError { pid: packet.pid });
            return;
        }
        let payload = match packet.payload {
            Payload::Bytes(payload) => payload,
            Payload::Broken => {
                self.fault(Fault::AdaptationField { pid: packet.pid });
                return;
            }
            Payload::None => {
                if packet.discontinuity {
                    pid.continuity.forget();
                }
                return;
            }
        };
        match pid.continuity.arrive(packet.counter, packet.discontinuity, payload) {
            Arrival::InOrder => {}
            Arrival::Duplicate => return,
            // A splicer cuts between frames: what a start ends is whole.
            Arrival::Announced if packet.start => {}
            Arrival::Announced => pid.damage(&mut self.shared),
            Arrival::Missing(expected) => {
                pid.damage(&mut self.shared);
                // Tables have checksums and come again; some muxers never count on their PIDs.
                if matches!(pid.role, Role::Stream(_)) {
                    let (pid, got) = (packet.pid, packet.counter);
                    let fault = Fault::ContinuityBroken { pid, expected, got };
                    self.shared.events.push_back(Event::Fault(fault));
                }
            }
        }
        match &mut pid.role {
            Role::Stream(stream) if packet.scrambled => stream.scrambled(&mut self.shared),
            Role::Stream(stream) => stream.push(payload, packet.start, &mut self.shared),
            Role::Pat(_) | Role::Pmt(_) => self.tables(packet.pid, payload, packet.start),
        }
    }

    /// A packet of a table's PID.
    fn tables(&mut self, pid: u16, payload: &[u8], start: bool) {
        let Some(Pid { role: Role::Pat(sections) | Role::Pmt(sections), .. }) =
            self.pids.get_mut(&pid)
        else {
            return;
        };
        let mut complete = Vec::new();
        sections.push(payload, start, |section| complete.push(section.map(<[u8]>::to_vec)));
        for section in complete {
            let applied = section.and_then(|section| self.table(pid, &section));
            match applied {
                Ok(()) => {}
                Err(PsiError::Broken) => self.fault(Fault::PsiBroken { pid }),
                Err(PsiError::Checksum) => self.fault(Fault::PsiChecksum { pid }),
            }
        }
    }

    /// A whole section.
    fn table(&mut self, pid: u16, section: &[u8]) -> Result<(), PsiError> {
        if pid == PAT_PID {
            let whole = Pat::parse(section).and_then(|pat| self.programs.take(pat));
            if let Some(listed) = whole.map(<[_]>::to_vec) {
                self.apply_pat(listed);
            }
            return Ok(());
        }
        let Some(pmt) = Pmt::parse(section)? else { return Ok(()) };
        let checksum = section.last_chunk().map(|crc| u32::from_be_bytes(*crc));
        if let Some(program) = self.programs.by_number.get_mut(&pmt.program)
            && program.pmt_pid == pid
            && program.applied != checksum
        {
            program.applied = checksum;
            self.apply_pmt(&pmt);
        }
        Ok(())
    }

    /// The list of programmes has changed.
    fn apply_pat(&mut self, mut listed: Vec<(u16, u16)>) {
        let limit = self.limits.programs;
        if listed.len() > limit {
            self.fault(Fault::TooManyPrograms { listed: listed.len(), limit });
            listed.truncate(limit);
        }
        let by_number = &mut self.programs.by_number;
        by_number.retain(|number, program| listed.contains(&(*number, program.pmt_pid)));
        for (number, pmt_pid) in listed {
            by_number.entry(number).or_insert(Program { pmt_pid, ..Program::default() });
        }
        self.retain_pids(|core, pid, role| match role {
            Role::Pat(_) => true,
            Role::Pmt(_) => core.programs.by_number.values().any(|p| p.pmt_pid == pid),
            Role::Stream(stream) => core.programs.by_number.contains_key(&stream.program),
        });
        let maps: Vec<u16> = self.programs.by_number.values().map(|p| p.pmt_pid).collect();
        for pid in maps {
            if pid != PAT_PID
                && !matches!(self.pids.get(&pid), Some(Pid { role: Role::Pmt(_), .. }))
            {
                self.set_role(pid, Role::Pmt(Sections::default()));
            }
        }
        for pid in self.pids.values_mut() {
            if let Role::Stream(stream) = &mut pid.role {
                stream.rename(&self.programs.variant(&self.folder, stream.program));
            }
        }
    }

    /// A programme's map has changed.
    fn apply_pmt(&mut self, pmt: &Pmt) {
        self.retain_pids(|_, pid, role| match role {
            Role::Stream(stream) if stream.program == pmt.program => {
                pmt.streams.iter().any(|l| l.pid == pid && l.coding == Ok(stream.coding))
            }
            _ => true,
        });
        let variant = self.programs.variant(&self.folder, pmt.program);
        let mut left_out = Vec::new();
        let mut surplus = false;
        for listed in &pmt.streams {
            match self.pids.get_mut(&listed.pid).map(|pid| &mut pid.role) {
                Some(Role::Stream(stream)) => {
                    if stream.program == pmt.program {
                        stream.describe(&variant, listed.language);
                    }
                }
                Some(Role::Pat(_) | Role::Pmt(_)) => {
                    self.fault(Fault::PsiBroken { pid: listed.pid });
                }
                None => match listed.coding {
                    Ok(coding) if self.streams() < self.limits.streams => {
                        let (limit, variant) = (self.limits.pes_bytes, variant.clone());
                        let Listed { pid, language, .. } = *listed;
                        let stream =
                            Stream::new(pmt.program, pid, coding, limit, variant, language);
                        self.set_role(pid, Role::Stream(Box::new(stream)));
                    }
                    Ok(_) => surplus = true,
                    Err(name) => left_out.push(LeftOut {
                        pid: listed.pid,
                        stream_type: listed.stream_type,
                        name,
                    }),
                },
            }
        }
        if surplus {
            self.fault(Fault::TooManyStreams { limit: self.limits.streams });
        }
        self.report_left_out(pmt.program, left_out);
    }

    /// How many streams are carried on.
    fn streams(&self) -> usize {
        self.pids.values().filter(|pid| matches!(pid.role, Role::Stream(_))).count()
    }

    /// Reports the streams that were not reported yet.
    fn report_left_out(&mut self, program: u16, left_out: Vec<LeftOut>) {
        let Some(state) = self.programs.by_number.get_mut(&program) else { return };
        let before = std::mem::replace(&mut state.left_out, left_out);
        let new = state.left_out.iter().filter(|left_out| !before.contains(left_out));
        self.shared.events.extend(new.map(|left_out| Event::LeftOut(*left_out)));
    }

    /// Gives a PID a new meaning.
    fn set_role(&mut self, pid: u16, role: Role) {
        let new = Pid { continuity: Continuity::default(), role };
        if let Some(Pid { role: Role::Stream(mut stream), .. }) = self.pids.insert(pid, new) {
            stream.end_of_body(&mut self.shared);
        }
    }

    /// Forgets the PIDs that are not to be kept, after their last frames. What another programme
    /// lists may now be free for it, so that all maps are read again.
    fn retain_pids(&mut self, keep: impl Fn(&Core, u16, &Role) -> bool) {
        let gone: Vec<u16> = self
            .pids
            .iter()
            .filter(|(number, pid)| !keep(self, **number, &pid.role))
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            if let Some(Pid { role: Role::Stream(mut stream), .. }) = self.pids.remove(&number) {
                stream.end_of_body(&mut self.shared);
                self.programs.by_number.values_mut().for_each(|program| program.applied = None);
            }
        }
    }

    fn end_of_body(&mut self) {
        self.last_pid = NULL_PID;
        for pid in self.pids.values_mut() {
            pid.continuity.forget();
            match &mut pid.role {
                Role::Pat(sections) | Role::Pmt(sections) => sections.reset(),
                Role::Stream(stream) => stream.end_of_body(&mut self.shared),
            }
        }
    }
}

impl Pid {
    /// Drops what is in progress.
    fn damage(&mut self, shared: &mut Shared) {
        match &mut self.role {
            Role::Pat(sections) | Role::Pmt(sections) => sections.reset(),
            Role::Stream(stream) => stream.damage(shared),
        }
    }
}
