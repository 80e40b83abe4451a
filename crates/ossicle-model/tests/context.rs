//! The mapping of texts into the characters that the service takes.

use ossicle_model::context::{Change, first_refused, is_allowed, sanitise};
use ossicle_model::limits::ENCOUNTER_CONTEXT_BYTES_MAX;
use proptest::prelude::*;

#[test]
fn what_clinicians_write_becomes_what_the_service_takes() {
    for (given, expected) in [
        ("BP 120/80 – stable", "BP 120/80 - stable"),
        ("38.5°C, 3 °C, 90°", "38.5 degrees C, 3 degrees C, 90 degrees"),
        ("38.5 ℃", "38.5 degrees C"),
        ("“quoted” ‘text’", "\"quoted\" 'text'"),
        ("SpO₂ ≥ 94 %", "SpO₂ >= 94 %"),
        ("5 µg, 10 m²", "5 µg, 10 m²"),
        ("€20", "EUR 20"),
        ("Na⁺ 140, Cl⁻ 100", "Na+ 140, Cl- 100"),
        ("a\u{a0}b\u{2028}c", "a b\nc"),
        ("± 3 × 2", "+/- 3 x 2"),
        ("zero\u{200b}width", "zerowidth"),
        ("e\u{301}te\u{301}", "été"),
        ("日本語 Ελληνικά русский", "日本語 Ελληνικά русский"),
        ("😀", "?"),
        ("\u{0}\u{7}", ""),
    ] {
        let sanitised = sanitise(given);
        assert_eq!(sanitised.text, expected);
        assert_eq!(sanitised.changes.is_empty(), given == expected, "{given}");
    }
}

#[test]
fn it_says_what_it_changed() {
    let sanitised = sanitise("a–b–c 3° e\u{301}");
    assert_eq!(
        sanitised.changes,
        [
            Change::Replaced { from: '–', to: "-", first_position: 1, count: 2 },
            Change::Replaced { from: '°', to: " degrees", first_position: 7, count: 1 },
            Change::Composed { first_position: 9, count: 1 },
        ]
    );
}

#[test]
fn too_long_a_text_is_cut_between_characters() {
    let sanitised = sanitise(&format!("a{}", "é".repeat(ENCOUNTER_CONTEXT_BYTES_MAX)));
    assert_eq!(sanitised.text.len(), ENCOUNTER_CONTEXT_BYTES_MAX - 1);
    let cut = ENCOUNTER_CONTEXT_BYTES_MAX + 2;
    assert_eq!(
        sanitised.changes,
        [Change::Cut { bytes_kept: ENCOUNTER_CONTEXT_BYTES_MAX - 1, bytes_cut: cut }]
    );
}

/// The model's own pattern, written out again here.
#[test]
fn the_allowed_set_is_the_models() {
    let model: serde_json::Value = serde_json::from_str(include_str!("data/service-model.json")).unwrap();
    let pattern = model["shapes"]["SensitiveMarkdownString"]["pattern"].as_str().unwrap();
    let regex = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
    for character in (0..=0x2_ffff).filter_map(char::from_u32) {
        assert_eq!(
            is_allowed(character),
            regex.is_match(character.encode_utf8(&mut [0; 4])),
            "U+{:04X}",
            u32::from(character)
        );
    }
}

proptest! {
    #[test]
    fn any_text_becomes_one_the_service_takes(text in "\\PC*|.*") {
        let sanitised = sanitise(&text);
        prop_assert_eq!(first_refused(&sanitised.text), None);
        prop_assert!(sanitised.text.len() <= ENCOUNTER_CONTEXT_BYTES_MAX);
        let again = sanitise(&sanitised.text);
        prop_assert_eq!(&again.text, &sanitised.text);
        prop_assert!(again.changes.is_empty());
        prop_assert_eq!(sanitised.changes.is_empty(), sanitised.text == text);
    }
}
