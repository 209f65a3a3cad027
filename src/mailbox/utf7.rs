//! Folder names on the wire: modified UTF-7 (RFC 3501 §5.1.3), such as `INBOX.&MKgw6TD8-` for `INBOX.エラー`.
//!
//! By ourselves, since the crate utf7-imap 0.3 panics on base64 that a server wrote wrongly.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The name as people read it. What is no modified UTF-7 stays as it is: some servers send UTF-8.
pub(super) fn decode(wire: &str) -> String {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        match shifted.split_once('-') {
            Some(("", after)) => {
                name.push('&');
                rest = after;
            }
            Some((text, after)) => match unshifted(text) {
                Some(text) => {
                    name.push_str(&text);
                    rest = after;
                }
                None => {
                    name.push('&');
                    rest = shifted;
                }
            },
            None => {
                name.push('&');
                rest = shifted;
            }
        }
    }
    name + rest
}

fn unshifted(text: &str) -> Option<String> {
    let bytes = BASE64.decode(text).ok()?;
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use base64::Engine as _;

    use super::{BASE64, decode};

    /// A name as a server writes it; only tests need it, since commands repeat what LIST gave.
    fn encode(name: &str) -> String {
        let mut wire = String::with_capacity(name.len());
        let mut shifted = Vec::new();
        for c in name.chars() {
            if matches!(c, ' '..='~') {
                flush(&mut shifted, &mut wire);
                wire.push(c);
                if c == '&' {
                    wire.push('-');
                }
            } else {
                let mut units = [0; 2];
                shifted.extend(
                    c.encode_utf16(&mut units)
                        .iter()
                        .flat_map(|unit| unit.to_be_bytes()),
                );
            }
        }
        flush(&mut shifted, &mut wire);
        wire
    }

    fn flush(shifted: &mut Vec<u8>, wire: &mut String) {
        if !shifted.is_empty() {
            wire.push('&');
            BASE64.encode_string(&shifted, wire);
            wire.push('-');
            shifted.clear();
        }
    }

    proptest! {
        #[test]
        fn a_name_comes_back_from_the_wire_as_it_went(name: String) {
            let wire = encode(&name);
            prop_assert!(wire.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(decode(&wire), name);
        }

        #[test]
        fn any_wire_name_is_shown(wire in "[&A-Za-z0-9,+-]{0,30}|.*") {
            decode(&wire);
        }
    }

    #[test]
    fn names_are_written_as_dovecot_writes_them() {
        for (name, wire) in [
            ("エラー/返送", "&MKgw6TD8-/&j9SQAQ-"),
            ("A&B", "A&-B"),
            ("台北 😀", "&U,BTFw- &2D3eAA-"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire), name);
        }
        // Not shifted, or not to its end: shown as it came.
        assert_eq!(decode("AT&T & エラー &!!-"), "AT&T & エラー &!!-");
    }
}
