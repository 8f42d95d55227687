//! What `onMetaData` says that the bitstream may not: hints, never needed.

use std::collections::BTreeMap;

use super::amf::Value;
use crate::media::Language;
use crate::units::FrameRate;

/// Hints of one publish.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata {
    /// Frames a second.
    pub(super) frame_rate: Option<FrameRate>,
    /// Width and height of the picture.
    pub(super) size: Option<(u16, u16)>,
    /// Languages of audio, by track id.
    pub(super) languages: BTreeMap<u8, Language>,
}

impl Metadata {
    /// Reads the properties; what makes no sense is passed over.
    pub(super) fn read(value: &Value) -> Self {
        let number = |name: &str| value.get(name).and_then(Value::as_number);
        let side = |name: &str| {
            let pixels = number(name).filter(|n| *n >= 1.0 && *n <= f64::from(u16::MAX));
            // Within the range of its type.
            #[allow(clippy::cast_sign_loss)]
            pixels.map(|n| n as u16)
        };
        let mut languages = BTreeMap::new();
        let of = |value: &Value| {
            let code = value.get("language").or_else(|| value.get("lang"))?.as_text()?;
            let language = Language::from_tag(code.split('-').next().unwrap_or(code));
            (language != Language::UNDETERMINED).then_some(language)
        };
        languages.extend(of(value).map(|language| (0, language)));
        let tracks = value.get("audioTrackIdInfoMap").map_or(&[][..], Value::properties);
        languages
            .extend(tracks.iter().filter_map(|(id, track)| Some((id.parse().ok()?, of(track)?))));
        Metadata {
            frame_rate: number("framerate").or_else(|| number("fps")).and_then(frame_rate),
            size: side("width").zip(side("height")),
            languages,
        }
    }
}

/// A whole number of frames, or one a thousandth less.
fn frame_rate(frames: f64) -> Option<FrameRate> {
    let near = |exact: f64| {
        let whole = exact.round();
        // Within the range of its type.
        #[allow(clippy::cast_sign_loss)]
        ((1.0..=300.0).contains(&whole) && (exact - whole).abs() < 0.004).then_some(whole as u32)
    };
    match near(frames) {
        Some(whole) => FrameRate::new(whole, 1),
        None => FrameRate::new(near(frames * 1.001)?.checked_mul(1_000)?, 1_001),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_read_and_nonsense_is_passed_over() {
        let number = Value::Number;
        let track = |code| Value::object([("language", Value::text(code))]);
        let value = Value::object([
            ("framerate", number(29.97)),
            ("width", number(1920.0)),
            ("height", number(1080.0)),
            ("audioTrackIdInfoMap", Value::object([("1", track("fr-CA")), ("x", track("de"))])),
        ]);
        let read = Metadata::read(&value);
        assert_eq!(read.frame_rate, FrameRate::new(30_000, 1_001));
        assert_eq!(read.size, Some((1920, 1080)));
        assert_eq!(read.languages, BTreeMap::from([(1, Language::parse(b"fra"))]));
        let nonsense = [("framerate", number(f64::NAN)), ("width", number(-1.0))];
        assert_eq!(Metadata::read(&Value::object(nonsense)), Metadata::default());
        assert_eq!(Metadata::read(&Value::Null), Metadata::default());
    }

    #[test]
    fn rates_are_whole_or_a_thousandth_less() {
        for (written, rate) in [
            (25.0, Some((25, 1))),
            (23.976, Some((24_000, 1_001))),
            (23.98, Some((24_000, 1_001))),
            (59.940_059, Some((60_000, 1_001))),
            (12.5, None),
            (0.0, None),
            (1e9, None),
        ] {
            let rate = rate.and_then(|(frames, seconds)| FrameRate::new(frames, seconds));
            assert_eq!(frame_rate(written), rate, "{written}");
        }
    }
}
