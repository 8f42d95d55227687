//! What an elementary stream is coded in, by its `stream_type` (ISO/IEC 13818-1 table 2-34; ATSC
//! A/53-3 for the user private types) and, of private data, by its descriptors (ETSI EN 300 468
//! annex D, SMPTE registration identifiers).

/// `stream_type` of private data in PES packets.
const PRIVATE: u8 = 0x06;
/// `registration_descriptor`.
const REGISTRATION: u8 = 0x05;
/// `AC-3_descriptor` of ETSI EN 300 468.
const DVB_AC3: u8 = 0x6a;
/// `enhanced_ac-3_descriptor`.
const DVB_ENHANCED_AC3: u8 = 0x7a;
/// `teletext_descriptor`.
const DVB_TELETEXT: u8 = 0x56;
/// `subtitling_descriptor`.
const DVB_SUBTITLES: u8 = 0x59;

/// The codings that are carried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// H.264.
    Avc,
    /// HEVC.
    Hevc,
    /// AAC with ADTS headers.
    Adts,
    /// MPEG-1 and MPEG-2 audio.
    MpegAudio,
    /// AC-3 and Enhanced AC-3, which tell themselves apart.
    Ac3,
}

impl Coding {
    /// The coding of a stream, or what is known of one that is not carried on.
    pub(super) fn of(stream_type: u8, descriptors: &[u8]) -> Result<Self, Option<&'static str>> {
        match stream_type {
            0x1b => Ok(Coding::Avc),
            0x24 => Ok(Coding::Hevc),
            0x0f => Ok(Coding::Adts),
            0x03 | 0x04 => Ok(Coding::MpegAudio),
            0x81 | 0x87 => Ok(Coding::Ac3),
            PRIVATE => private(descriptors),
            0x01 | 0x02 => Err(Some("MPEG-2 video")),
            0x10 => Err(Some("MPEG-4 visual")),
            0x11 => Err(Some("AAC in LATM")),
            0x15 => Err(Some("metadata")),
            0x33 => Err(Some("VVC")),
            0x86 => Err(Some("SCTE-35")),
            _ => Err(None),
        }
    }
}

/// The first descriptor that names a coding decides.
fn private(descriptors: &[u8]) -> Result<Coding, Option<&'static str>> {
    let named = descriptors_in(descriptors).find_map(|(tag, body)| match (tag, body) {
        (DVB_AC3 | DVB_ENHANCED_AC3, _) => Some(Ok(Coding::Ac3)),
        (REGISTRATION, [b'A', b'C', b'-', b'3', ..] | [b'E', b'A', b'C', b'3', ..]) => {
            Some(Ok(Coding::Ac3))
        }
        (REGISTRATION, [b'O', b'p', b'u', b's', ..]) => Some(Err(Some("Opus"))),
        (DVB_TELETEXT, _) => Some(Err(Some("teletext"))),
        (DVB_SUBTITLES, _) => Some(Err(Some("DVB subtitles"))),
        _ => None,
    });
    named.unwrap_or(Err(None))
}

/// Tags and bodies of a descriptor loop, as far as it does not break off.
pub(super) fn descriptors_in(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [tag, length, after @ ..] = rest else { return None };
        let (body, next) = after.split_at_checked(usize::from(*length))?;
        rest = next;
        Some((*tag, body))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_data_is_told_apart_by_its_descriptors() {
        for (descriptors, coding) in [
            (&b"\x0a\x04eng\0\x6a\x01\0"[..], Ok(Coding::Ac3)),
            (b"\x7a\x01\0", Ok(Coding::Ac3)),
            (b"\x05\x04AC-3", Ok(Coding::Ac3)),
            (b"\x05\x04EAC3", Ok(Coding::Ac3)),
            (b"\x05\x04Opus\x7f\x02\x80\x02", Err(Some("Opus"))),
            (b"\x59\x00", Err(Some("DVB subtitles"))),
            (b"\x05\x09AC-3", Err(None)),
            (b"", Err(None)),
        ] {
            assert_eq!(Coding::of(0x06, descriptors), coding, "{}", descriptors.escape_ascii());
        }
        assert_eq!(Coding::of(0x11, b""), Err(Some("AAC in LATM")));
        assert_eq!(Coding::of(0x99, b""), Err(None));
    }
}
