//! Boxes as indented text, for people and goldens: one line a box with its size, one line a field.
//!
//! Never refuses: what cannot be read is said so in its place, and unknown boxes show their first
//! bytes.

mod layout;

use std::fmt::Write;

use layout::Show::{self, Fixed, Hex, Language, Name, Number, Reserved};
use layout::layout;

use super::boxes::{BoxHeader, DEPTH_MAX, Fields, ReadError, Strictness, boxes, children_after};

/// Bytes shown of what has no fields we know.
const BYTES_SHOWN: usize = 36;

/// The boxes of `bytes` as text, two blanks deeper a level.
#[must_use]
pub fn dump(bytes: &[u8]) -> String {
    let mut text = Text { out: String::new(), depth: 0 };
    text.boxes(bytes, 0, bytes.len());
    text.out
}

struct Text {
    out: String,
    depth: usize,
}

impl Text {
    fn line(&mut self, what: &str) {
        for _ in 0..self.depth {
            self.out.push_str("  ");
        }
        self.out.push_str(what);
        self.out.push('\n');
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(&format!("{name}: {value}"));
    }

    fn boxes(&mut self, data: &[u8], start: usize, end: usize) {
        for header in boxes(data, start, end, Strictness::Tolerant) {
            match header {
                Ok(header) => self.one(data, &header),
                Err(error) => self.line(&format!("({error})")),
            }
        }
    }

    fn one(&mut self, data: &[u8], header: &BoxHeader) {
        self.line(&format!("[{}] {} bytes", header.kind, header.end - header.start));
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            self.line("(deeper boxes are not shown)");
        } else if let Err(error) = self.body(data, header) {
            self.line(&format!("({error})"));
        }
        self.depth -= 1;
    }

    fn body(&mut self, data: &[u8], header: &BoxHeader) -> Result<(), ReadError> {
        let mut fields = header.fields(data);
        match &header.kind.0 {
            b"ftyp" | b"styp" => return self.brands(&mut fields),
            b"avcC" => return self.avc_configuration(&mut fields),
            b"hvcC" => return self.hevc_configuration(&mut fields),
            b"av1C" => return self.av1_configuration(&mut fields),
            b"colr" => return self.colour(&mut fields),
            b"esds" => return self.elementary_stream(&mut fields),
            b"tfhd" => return self.fragment_header(&mut fields),
            b"tfdt" => return self.decode_time(&mut fields),
            b"trun" => return self.run(&mut fields),
            b"prft" => return self.reference_time(&mut fields),
            b"mdat" => return Ok(()),
            _ => {}
        }
        let known = layout(header.kind);
        let wide = matches!(&header.kind.0, b"mvhd" | b"tkhd" | b"mdhd")
            && fields.rest().first() == Some(&1);
        if wide {
            self.line("(version 1)");
            self.hex("bytes", fields.rest());
            return Ok(());
        }
        for (name, show) in known.unwrap_or_default() {
            self.shown(name, *show, &mut fields)?;
        }
        if header.is(b"hdlr") {
            self.field("name", fields.rest().escape_ascii());
        } else if let Some(skip) = children_after(header.kind) {
            self.boxes(data, header.body.saturating_add(skip), header.end);
        } else if known.is_none() || !fields.rest().is_empty() {
            self.hex("bytes", fields.rest());
        }
        Ok(())
    }

    fn shown(&mut self, name: &str, show: Show, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        match show {
            Number(length) => self.field(name, fields.number(length)?),
            Hex(length) => self.hex(name, fields.take(length)?),
            Fixed => {
                let value = fields.u32()?;
                let fraction = u64::from(value & 0xffff) * 10_000 / 0x1_0000;
                self.line(&format!("{name}: {}.{fraction:04}", value >> 16));
            }
            Name => self.field(name, fields.four_cc()?),
            Language => {
                let packed = fields.u16()?;
                let letters = [10, 5, 0].map(|shift| (packed >> shift & 0x1f) as u8 + 0x60);
                self.field(name, letters.escape_ascii());
            }
            Reserved(length) => {
                let bytes = fields.take(length)?;
                if bytes.iter().any(|byte| *byte != 0) {
                    self.hex(name, bytes);
                }
            }
        }
        Ok(())
    }

    fn hex(&mut self, name: &str, bytes: &[u8]) {
        let mut hex = String::new();
        for byte in &bytes[..bytes.len().min(BYTES_SHOWN)] {
            let _ = write!(hex, "{byte:02x}");
        }
        if hex.len() < bytes.len() * 2 {
            let _ = write!(hex, "… ({} bytes)", bytes.len());
        }
        self.field(name, hex);
    }

    fn full(&mut self, fields: &mut Fields<'_>) -> Result<(u8, u32), ReadError> {
        let (version, flags) = fields.version_and_flags()?;
        self.field("version", version);
        self.line(&format!("flags: {flags:06x}"));
        Ok((version, flags))
    }

    fn brands(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        self.field("major_brand", fields.four_cc()?);
        self.field("minor_version", fields.u32()?);
        while !fields.rest().is_empty() {
            self.field("compatible_brand", fields.four_cc()?);
        }
        Ok(())
    }

    fn avc_configuration(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        self.field("configurationVersion", fields.u8()?);
        self.hex("profile, compatibility, level", fields.take(3)?);
        self.field("lengthSizeMinusOne", fields.u8()? & 3);
        for (name, mask) in [("sequenceParameterSet", 0x1f), ("pictureParameterSet", 0xff)] {
            for _ in 0..fields.u8()? & mask {
                let length = fields.u16()?;
                self.hex(name, fields.take(usize::from(length))?);
            }
        }
        if !fields.rest().is_empty() {
            self.field("chroma_format", fields.u8()? & 3);
            self.field("bit_depth_luma_minus8", fields.u8()? & 7);
            self.field("bit_depth_chroma_minus8", fields.u8()? & 7);
            self.field("numOfSequenceParameterSetExt", fields.u8()?);
        }
        Ok(())
    }

    fn hevc_configuration(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        self.field("configurationVersion", fields.u8()?);
        self.hex("profile, compatibility, constraints, level", fields.take(12)?);
        self.field("min_spatial_segmentation_idc", fields.u16()? & 0x0fff);
        self.field("parallelismType", fields.u8()? & 3);
        self.field("chroma_format_idc", fields.u8()? & 3);
        self.field("bit_depth_luma_minus8", fields.u8()? & 7);
        self.field("bit_depth_chroma_minus8", fields.u8()? & 7);
        self.field("avgFrameRate", fields.u16()?);
        self.hex("frame rate kind, temporal layers, length size", fields.take(1)?);
        for _ in 0..fields.u8()? {
            let array = fields.u8()?;
            let complete = if array & 0x80 == 0 { "" } else { ", complete" };
            let name = format!("NAL unit type {}{complete}", array & 0x3f);
            for _ in 0..fields.u16()? {
                let length = fields.u16()?;
                self.hex(&name, fields.take(usize::from(length))?);
            }
        }
        Ok(())
    }

    fn av1_configuration(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        self.hex("marker, version", fields.take(1)?);
        let sequence = fields.u8()?;
        self.field("seq_profile", sequence >> 5);
        self.field("seq_level_idx_0", sequence & 0x1f);
        self.hex("tier, bit depth, chroma", fields.take(1)?);
        self.hex("initial_presentation_delay", fields.take(1)?);
        self.hex("configOBUs", fields.rest());
        Ok(())
    }

    fn colour(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let kind = fields.four_cc()?;
        self.field("colour_type", kind);
        if kind.0 == *b"nclx" {
            for name in ["colour_primaries", "transfer_characteristics", "matrix_coefficients"] {
                self.field(name, fields.u16()?);
            }
            self.field("full_range_flag", fields.u8()? >> 7);
        }
        if !fields.rest().is_empty() {
            self.hex("bytes", fields.rest());
        }
        Ok(())
    }

    fn elementary_stream(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        self.full(fields)?;
        let (tag, mut stream) = fields.descriptor()?;
        self.field("descriptor", tag);
        self.depth += 1;
        self.field("ES_ID", stream.u16()?);
        self.field("flags", stream.u8()?);
        while !stream.rest().is_empty() {
            let (tag, mut inner) = stream.descriptor()?;
            self.field("descriptor", tag);
            self.depth += 1;
            if tag == 4 {
                self.hex("objectTypeIndication", inner.take(1)?);
                self.hex("streamType", inner.take(1)?);
                self.field("bufferSizeDB", inner.number(3)?);
                self.field("maxBitrate", inner.u32()?);
                self.field("avgBitrate", inner.u32()?);
            }
            if !inner.rest().is_empty() {
                self.hex("bytes", inner.rest());
            }
            self.depth -= 1;
        }
        self.depth -= 1;
        Ok(())
    }

    fn fragment_header(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let (_, flags) = self.full(fields)?;
        self.field("track_ID", fields.u32()?);
        let optional: [(u32, &str, Show); 5] = [
            (0x01, "base_data_offset", Number(8)),
            (0x02, "sample_description_index", Number(4)),
            (0x08, "default_sample_duration", Number(4)),
            (0x10, "default_sample_size", Number(4)),
            (0x20, "default_sample_flags", Hex(4)),
        ];
        for (_, name, show) in optional.into_iter().filter(|(flag, ..)| flags & flag != 0) {
            self.shown(name, show, fields)?;
        }
        Ok(())
    }

    fn decode_time(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let (version, _) = self.full(fields)?;
        let length = if version == 1 { 8 } else { 4 };
        self.field("baseMediaDecodeTime", fields.number(length)?);
        Ok(())
    }

    fn run(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let (_, flags) = self.full(fields)?;
        let count = fields.u32()?;
        self.field("sample_count", count);
        if flags & 0x001 != 0 {
            self.field("data_offset", fields.u32()?.cast_signed());
        }
        if flags & 0x004 != 0 {
            self.shown("first_sample_flags", Hex(4), fields)?;
        }
        if flags & 0xf00 == 0 {
            return Ok(()); // every row would be empty
        }
        for index in 0..count {
            let mut row = format!("sample {index}:");
            for (flag, name) in [(0x100, "duration"), (0x200, "size")] {
                if flags & flag != 0 {
                    let _ = write!(row, " {name} {}", fields.u32()?);
                }
            }
            if flags & 0x400 != 0 {
                let _ = write!(row, " flags {:08x}", fields.u32()?);
            }
            if flags & 0x800 != 0 {
                let _ = write!(row, " composition_time_offset {}", fields.u32()?.cast_signed());
            }
            self.line(&row);
        }
        Ok(())
    }

    fn reference_time(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let (version, _) = self.full(fields)?;
        self.field("reference_track_ID", fields.u32()?);
        self.shown("ntp_timestamp", Hex(8), fields)?;
        self.field("media_time", fields.number(if version == 0 { 4 } else { 8 })?);
        Ok(())
    }
}
