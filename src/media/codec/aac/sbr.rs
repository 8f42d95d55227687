//! Whether a raw data block carries spectral band replication that no header mentions
//! (ISO/IEC 14496-3 §4.5.2.8: implicit signalling).

/// `id_syn_ele` of a fill element and of the block's end.
const FILL: u64 = 6;
const END: u64 = 7;
/// `count` before `esc_count`.
const ESCAPED: u64 = 15;
/// Longest fill element: 15 + 255 - 1 bytes.
const FILL_MAX: usize = 269;
/// `extension_type` of SBR data without and with a checksum.
const SBR_DATA: [u64; 2] = [13, 14];

/// Whether a raw data block ends with a fill element of SBR data, or with one before other fill
/// elements.
///
/// The elements before it are Huffman coded, so it is looked for from the end: the block's end, and
/// before it a fill element whose count leads exactly there. Other bits look like that in less than
/// one frame in fifty, so several in a row are asked before this is believed.
#[must_use]
pub fn carries_sbr(block: &[u8]) -> bool {
    let bits = block.len() * 8;
    // The end is followed by less than a byte of zero bits.
    let Some(last) = block.iter().rposition(|byte| *byte != 0) else { return false };
    let ones = last * 8 + 7 - block[last].trailing_zeros() as usize;
    if ones < 2 || bits - ones > 8 {
        return false;
    }
    let end = ones - 2;
    field(block, end, 3) == Some(END) && fill_ends_at(block, end, 3)
}

/// Whether a fill element of SBR data ends where bit `end` begins, or one before a few others.
fn fill_ends_at(block: &[u8], end: usize, others: u8) -> bool {
    let elements = (0..=FILL_MAX).filter_map(|count| {
        let escaped = count as u64 >= ESCAPED;
        let start = end.checked_sub(count * 8 + if escaped { 15 } else { 7 })?;
        let coded = if escaped {
            FILL << 12 | ESCAPED << 8 | (count as u64 + 1 - ESCAPED)
        } else {
            FILL << 4 | count as u64
        };
        let length = if escaped { 15 } else { 7 };
        (field(block, start, length)? == coded).then_some((start, start + length, count))
    });
    let mut found: Vec<_> = elements.collect();
    found.truncate(4);
    found.iter().any(|&(_, payload, count)| {
        count > 0 && field(block, payload, 4).is_some_and(|kind| SBR_DATA.contains(&kind))
    }) || others > 0 && found.iter().any(|&(start, ..)| fill_ends_at(block, start, others - 1))
}

/// `length` bits, at most 32, from bit `at`.
fn field(block: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = block.get(at / 8..(at + length).div_ceil(8))?;
    let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let after = bytes.len() * 8 - at % 8 - length;
    Some(value >> after & ((1 << length) - 1))
}
