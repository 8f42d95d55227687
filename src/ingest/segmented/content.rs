//! What a pushed body is, told by its first bytes: never by its name or its Content-Type.

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A playlist (RFC 8216bis §4.1).
    Playlist,
    /// XML, an MPD most likely.
    Xml,
    /// ISO boxes.
    Boxes,
    /// Transport stream packets, perhaps after some garbage.
    Packets,
    /// None of these.
    Other,
}

/// Bytes that are enough to tell.
const ENOUGH: usize = 16;

impl Content {
    /// What the body that begins so is; nothing where more bytes are needed and may come.
    #[must_use]
    pub fn of(begins: &[u8], ended: bool) -> Option<Self> {
        if begins.len() < ENOUGH && !ended {
            return None;
        }
        let text = begins.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begins);
        let trimmed = text.trim_ascii_start();
        if text.starts_with(b"#EXTM3U") {
            return Some(Content::Playlist);
        }
        if trimmed.starts_with(b"<?xml") || trimmed.starts_with(b"<MPD") {
            return Some(Content::Xml);
        }
        if begins.first() == Some(&0x47) {
            return Some(Content::Packets);
        }
        let boxes = begins.get(4..8).is_some_and(|kind| BOXES.iter().any(|known| kind == *known));
        Some(if boxes { Content::Boxes } else { Content::Other })
    }
}

/// Boxes a pushed file may begin with.
const BOXES: [&[u8; 4]; 12] = [
    b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"ssix", b"prft", b"emsg", b"free", b"skip",
    b"uuid", b"mdat",
];

/// How far the boxes of a body tell whether it is a header, media, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Neither yet.
    Undecided,
    /// A `moov`, and nothing of media so far.
    Header,
    /// A `moov` and media after it.
    Both,
    /// Media, whose header is another body's.
    Media,
}

impl Opening {
    /// Looks through the boxes at the beginning of a body, as far as they are there.
    pub(super) fn of(begins: &[u8]) -> Self {
        let mut at = 0_usize;
        let mut found = Opening::Undecided;
        while let Some([s0, s1, s2, s3, k0, k1, k2, k3]) = begins.get(at..at + 8) {
            match &[*k0, *k1, *k2, *k3] {
                b"moov" => found = Opening::Header,
                b"moof" | b"mdat" if found == Opening::Header => return Opening::Both,
                b"moof" | b"mdat" => return Opening::Media,
                _ => {}
            }
            let size = match u32::from_be_bytes([*s0, *s1, *s2, *s3]) {
                1 => match begins.get(at + 8..at + 16).and_then(|s| s.first_chunk()) {
                    Some(long) => usize::try_from(u64::from_be_bytes(*long)).unwrap_or(usize::MAX),
                    None => return found,
                },
                size => size as usize,
            };
            match at.checked_add(size).filter(|_| size >= 8) {
                Some(next) => at = next,
                None => return found,
            }
            if at > begins.len() {
                return found;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_told_apart_by_their_first_bytes() {
        for (begins, ended, content) in [
            (&b"#EXTM3U\n#EXT-X-VERSION:3"[..], false, Some(Content::Playlist)),
            (b"\xef\xbb\xbf#EXTM3U\n", true, Some(Content::Playlist)),
            (b"  <?xml version=\"1.0\"?>", false, Some(Content::Xml)),
            (b"\0\0\0\x18styp", true, Some(Content::Boxes)),
            (b"\0\0\0\x18styp", false, None),
            (b"G\x40\0\x10...............", false, Some(Content::Packets)),
            (b"\x89PNG\r\n\x1a\n.......................", false, Some(Content::Other)),
            (b"", true, Some(Content::Other)),
        ] {
            assert_eq!(Content::of(begins, ended), content, "{begins:?}");
        }
    }

    #[test]
    fn a_header_is_told_from_media() {
        let boxed = |kind: &[u8; 4], body: usize| {
            let size = u32::try_from(8 + body).expect("small");
            [&size.to_be_bytes()[..], kind, &vec![0; body]].concat()
        };
        let (ftyp, moov, styp) = (boxed(b"ftyp", 8), boxed(b"moov", 50), boxed(b"styp", 16));
        let moof = boxed(b"moof", 60);
        assert_eq!(Opening::of(&ftyp), Opening::Undecided);
        assert_eq!(Opening::of(&[&ftyp[..], &moov[..20]].concat()), Opening::Header);
        assert_eq!(Opening::of(&[&ftyp[..], &moov].concat()), Opening::Header);
        assert_eq!(Opening::of(&[&ftyp[..], &moov, &moof[..8]].concat()), Opening::Both);
        assert_eq!(Opening::of(&[&styp[..], &moof[..9]].concat()), Opening::Media);
        assert_eq!(Opening::of(b"\0\0\0\x02wxyz12345678"), Opening::Undecided);
        assert_eq!(Opening::of(&[0xff; 40]), Opening::Undecided);
    }
}
