//! The fields of the boxes whose layout never varies (ISO/IEC 14496-12 §8, §12).

use Show::{Fixed, Hex, Language, Name, Number, Reserved};

use crate::isobmff::boxes::FourCc;

/// How one field of fixed length is shown.
#[derive(Clone, Copy)]
pub(super) enum Show {
    /// An unsigned number of so many bytes.
    Number(usize),
    /// So many bytes in hexadecimal.
    Hex(usize),
    /// 16.16 fixed point.
    Fixed,
    /// A box name or brand.
    Name,
    /// A packed language.
    Language,
    /// Reserved bytes: shown only where they are not zero.
    Reserved(usize),
}

/// Fields of a box in their order.
pub(super) type Layout = &'static [(&'static str, Show)];

const VERSION: (&str, Show) = ("version", Number(1));
const FLAGS: (&str, Show) = ("flags", Hex(3));

/// The fields of a box `kind` before its children, or `None` where they vary or are unknown.
pub(super) fn layout(kind: FourCc) -> Option<Layout> {
    Some(match &kind.0 {
        b"mvhd" => MVHD,
        b"tkhd" => TKHD,
        b"mdhd" => MDHD,
        b"hdlr" => HDLR,
        b"vmhd" => VMHD,
        b"smhd" => SMHD,
        b"url " => URL,
        b"stsd" | b"dref" | b"stts" | b"stsc" | b"stco" => TABLE,
        b"stsz" => STSZ,
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" => VISUAL,
        b"pasp" => PASP,
        b"btrt" => BTRT,
        b"mp4a" | b"ac-3" | b"ec-3" | b"Opus" => AUDIO,
        b"dOps" => OPUS,
        b"trex" => TREX,
        b"mfhd" => MFHD,
        _ => return None,
    })
}

const MVHD: Layout = &[
    VERSION,
    FLAGS,
    ("creation_time", Number(4)),
    ("modification_time", Number(4)),
    ("timescale", Number(4)),
    ("duration", Number(4)),
    ("rate", Fixed),
    ("volume", Hex(2)),
    ("reserved", Reserved(10)),
    ("matrix", Hex(36)),
    ("pre_defined", Reserved(24)),
    ("next_track_ID", Number(4)),
];

const TKHD: Layout = &[
    VERSION,
    FLAGS,
    ("creation_time", Number(4)),
    ("modification_time", Number(4)),
    ("track_ID", Number(4)),
    ("reserved", Reserved(4)),
    ("duration", Number(4)),
    ("reserved", Reserved(8)),
    ("layer", Number(2)),
    ("alternate_group", Number(2)),
    ("volume", Hex(2)),
    ("reserved", Reserved(2)),
    ("matrix", Hex(36)),
    ("width", Fixed),
    ("height", Fixed),
];

const MDHD: Layout = &[
    VERSION,
    FLAGS,
    ("creation_time", Number(4)),
    ("modification_time", Number(4)),
    ("timescale", Number(4)),
    ("duration", Number(4)),
    ("language", Language),
    ("pre_defined", Reserved(2)),
];

const HDLR: Layout = &[
    VERSION,
    FLAGS,
    ("pre_defined", Reserved(4)),
    ("handler_type", Name),
    ("reserved", Reserved(12)),
];

const VMHD: Layout = &[VERSION, FLAGS, ("graphicsmode", Number(2)), ("opcolor", Hex(6))];

const SMHD: Layout = &[VERSION, FLAGS, ("balance", Hex(2)), ("reserved", Reserved(2))];

const URL: Layout = &[VERSION, FLAGS];

const TABLE: Layout = &[VERSION, FLAGS, ("entry_count", Number(4))];

const STSZ: Layout = &[VERSION, FLAGS, ("sample_size", Number(4)), ("sample_count", Number(4))];

const VISUAL: Layout = &[
    ("reserved", Reserved(6)),
    ("data_reference_index", Number(2)),
    ("pre_defined", Reserved(16)),
    ("width", Number(2)),
    ("height", Number(2)),
    ("horizresolution", Fixed),
    ("vertresolution", Fixed),
    ("reserved", Reserved(4)),
    ("frame_count", Number(2)),
    ("compressorname", Reserved(32)),
    ("depth", Hex(2)),
    ("pre_defined", Hex(2)),
];

const PASP: Layout = &[("hSpacing", Number(4)), ("vSpacing", Number(4))];

const BTRT: Layout =
    &[("bufferSizeDB", Number(4)), ("maxBitrate", Number(4)), ("avgBitrate", Number(4))];

const OPUS: Layout = &[
    ("Version", Number(1)),
    ("OutputChannelCount", Number(1)),
    ("PreSkip", Number(2)),
    ("InputSampleRate", Number(4)),
    ("OutputGain", Hex(2)),
    ("ChannelMappingFamily", Number(1)),
];

const AUDIO: Layout = &[
    ("reserved", Reserved(6)),
    ("data_reference_index", Number(2)),
    ("reserved", Reserved(8)),
    ("channelcount", Number(2)),
    ("samplesize", Number(2)),
    ("reserved", Reserved(4)),
    ("samplerate", Fixed),
];

const TREX: Layout = &[
    VERSION,
    FLAGS,
    ("track_ID", Number(4)),
    ("default_sample_description_index", Number(4)),
    ("default_sample_duration", Number(4)),
    ("default_sample_size", Number(4)),
    ("default_sample_flags", Hex(4)),
];

const MFHD: Layout = &[VERSION, FLAGS, ("sequence_number", Number(4))];
