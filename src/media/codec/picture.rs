//! What manifests and sample entries say of coded pictures.

use crate::units::FrameRate;

/// The coded picture of a video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across, after cropping.
    pub width: u16,
    /// Pixels down, after cropping.
    pub height: u16,
    /// Width to height of one pixel; 1:1 where the stream does not say.
    pub pixel_aspect: (u16, u16),
    /// Pictures a second where the parameter sets carry timing.
    pub frame_rate: Option<FrameRate>,
    /// Colour where the stream or its container says.
    pub colour: Option<Colour>,
}

/// Colour by the code points of ISO/IEC 23091-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// `ColourPrimaries`.
    pub primaries: u16,
    /// `TransferCharacteristics`.
    pub transfer: u16,
    /// `MatrixCoefficients`.
    pub matrix: u16,
    /// `VideoFullRangeFlag`.
    pub full_range: bool,
}

/// Dynamic range, by the transfer characteristics (rfc8216bis §4.4.6.2, VIDEO-RANGE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoRange {
    /// Standard range, also where nothing is said.
    Sdr,
    /// Hybrid log-gamma.
    Hlg,
    /// Perceptual quantization, SMPTE ST 2084.
    Pq,
}

impl Picture {
    /// A picture of which only the size is known.
    #[must_use]
    pub fn of_size(width: u16, height: u16) -> Self {
        Picture { width, height, pixel_aspect: (1, 1), frame_rate: None, colour: None }
    }

    /// Pixels.
    #[must_use]
    pub fn area(&self) -> u32 {
        u32::from(self.width) * u32::from(self.height)
    }

    /// The dynamic range.
    #[must_use]
    pub fn range(&self) -> VideoRange {
        match self.colour.map(|colour| colour.transfer) {
            Some(16) => VideoRange::Pq,
            Some(18) => VideoRange::Hlg,
            _ => VideoRange::Sdr,
        }
    }
}

/// `frames` in `seconds` reduced. Rates over 300 or under 1 are lies.
pub(super) fn plausible_rate(frames: u32, seconds: u32) -> Option<FrameRate> {
    let (mut a, mut b) = (frames, seconds);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let rate = FrameRate::new(frames.checked_div(a)?, seconds.checked_div(a)?)?;
    let plausible = u64::from(frames) <= 300 * u64::from(seconds) && frames >= seconds;
    plausible.then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_reduce_to_their_fraction_and_lies_are_none() {
        assert_eq!(plausible_rate(60_000, 2002), FrameRate::new(30_000, 1001));
        assert_eq!(plausible_rate(60, 2), FrameRate::new(30, 1));
        assert_eq!(plausible_rate(60, 0), None);
        assert_eq!(plausible_rate(0, 0), None);
        assert_eq!(plausible_rate(4_000_000_000, 2), None);
    }
}
