//! The characters that the service takes in an encounter's context, and the mapping of any text into them.
//!
//! One character outside of the set refuses the whole session, and clinical texts are full of them: dashes, degree
//! signs, curly quotes. [`sanitise`] replaces each by what a reader would write with a plain keyboard, and says what
//! it changed.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::limits::ENCOUNTER_CONTEXT_BYTES_MAX;
use crate::scalars::SENSITIVE_MARKDOWN;
use crate::shape::Kind;

/// A text of allowed characters and what was changed to make it so.
#[derive(Clone, PartialEq, Eq)]
pub struct Sanitised {
    /// The text: at most 20,480 bytes, each character allowed.
    pub text: String,
    /// What was changed, in the order of first appearance; empty when nothing was.
    pub changes: Vec<Change>,
}

impl std::fmt::Debug for Sanitised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sanitised")
            .field("text", &crate::redact::Hidden)
            .field("text_bytes", &self.text.len())
            .field("changes", &self.changes)
            .finish()
    }
}

/// One kind of change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A character was replaced.
    Replaced {
        /// The character.
        from: char,
        /// What stands in its place now; "" when it was left out. Depends on what is beside it for a few.
        to: &'static str,
        /// Where it first stood in the given text, in characters from 0.
        first_position: usize,
        /// How often.
        count: usize,
    },
    /// A letter and the combining marks after it became one character.
    Composed {
        /// Where the first such letter stood in the given text, in characters from 0.
        first_position: usize,
        /// How often.
        count: usize,
    },
    /// The text was longer than the service takes; the rest was cut off.
    Cut {
        /// Bytes of the text that are kept.
        bytes_kept: usize,
        /// Bytes that were cut off.
        bytes_cut: usize,
    },
}

/// Whether the service's rule allows this character in a context: letters and digits of any script, white space, and
/// some punctuation.
pub fn is_allowed(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric()
            || matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
            || r##"*_-#[]().,:;!?'"`<>~/|+=&%@\{}^"##.contains(character);
    }
    let Kind::String { pattern: Some(pattern), .. } = SENSITIVE_MARKDOWN.kind else { return false };
    pattern.matches(character.encode_utf8(&mut [0; 4]))
}

/// The first character that the service refuses, with its position in characters from 0.
pub fn first_refused(text: &str) -> Option<(usize, char)> {
    text.chars().enumerate().find(|(_, character)| !is_allowed(*character))
}

/// Maps a text into the allowed characters, bounds it to 20,480 bytes, and says what changed.
pub fn sanitise(text: &str) -> Sanitised {
    let mut out = Sanitised { text: String::with_capacity(text.len()), changes: Vec::new() };
    let mut characters = text.chars().enumerate().peekable();
    let mut cluster = String::new();
    while let Some((position, character)) = characters.next() {
        cluster.clear();
        cluster.push(character);
        while let Some((_, mark)) = characters.next_if(|(_, next)| is_combining_mark(*next)) {
            cluster.push(mark);
        }
        if cluster.len() == character.len_utf8() {
            let unit_follows = characters.peek().is_some_and(|(_, next)| next.is_alphabetic());
            push(&mut out, position, character, unit_follows);
        } else {
            push_cluster(&mut out, position, &cluster);
        }
    }
    cut(&mut out);
    out
}

/// A letter with combining marks: composed where Unicode has such a letter; marks that remain are left out.
fn push_cluster(out: &mut Sanitised, position: usize, cluster: &str) {
    let marks = cluster.chars().filter(|character| is_combining_mark(*character)).count();
    let composed: String = cluster.nfc().collect();
    let left = composed.chars().filter(|character| is_combining_mark(*character)).count();
    if left < marks {
        let found = out.changes.iter_mut().find_map(|change| match change {
            Change::Composed { count, .. } => Some(count),
            _ => None,
        });
        match found {
            Some(count) => *count += 1,
            None => out.changes.push(Change::Composed { first_position: position, count: 1 }),
        }
    }
    composed.chars().for_each(|character| push(out, position, character, false));
}

/// Adds a character as it is or as its replacement, which stands apart from the words beside it.
fn push(out: &mut Sanitised, position: usize, character: char, unit_follows: bool) {
    // The rule allows white space without saying whether it means more than ASCII's: plain spaces are safe.
    if is_allowed(character) && (character.is_ascii() || !character.is_whitespace()) {
        out.text.push(character);
        return;
    }
    let mut to = match character {
        '\u{b0}' | '\u{2da}' if unit_follows => " degrees ",
        _ => replacement(character),
    };
    if to.len() > 1 && out.text.ends_with(' ') {
        to = to.strip_prefix(' ').unwrap_or(to);
    }
    out.text.push_str(to);
    let found = out.changes.iter_mut().find_map(|change| match change {
        Change::Replaced { from, to: known, count, .. } if *from == character && *known == to => Some(count),
        _ => None,
    });
    match found {
        Some(count) => *count += 1,
        None => {
            out.changes.push(Change::Replaced { from: character, to, first_position: position, count: 1 })
        }
    }
}

fn cut(out: &mut Sanitised) {
    let length = out.text.len();
    if length <= ENCOUNTER_CONTEXT_BYTES_MAX {
        return;
    }
    let kept = out.text.floor_char_boundary(ENCOUNTER_CONTEXT_BYTES_MAX);
    out.text.truncate(kept);
    out.changes.push(Change::Cut { bytes_kept: kept, bytes_cut: length - kept });
}

/// What a reader would write for a character with a plain keyboard; "?" for what has no such form.
fn replacement(character: char) -> &'static str {
    match character {
        '\u{2010}'..='\u{2013}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{ad}'
        | '\u{207b}'
        | '\u{208b}'
        | '\u{fe63}'
        | '\u{ff0d}' => "-",
        '\u{2014}' | '\u{2015}' => "--",
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | '\u{2039}' | '\u{203a}' | '\u{b4}' => "'",
        '\u{201a}' => ",",
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => "\"",
        '\u{2026}' => "...",
        '\u{2022}' | '\u{25cf}' | '\u{25e6}' | '\u{25aa}' | '\u{25cb}' | '\u{2023}' => "*",
        '\u{b7}' | '\u{22c5}' | '\u{d7}' | '\u{2715}' => match character {
            '\u{d7}' | '\u{2715}' => "x",
            _ => ".",
        },
        '\u{f7}' | '\u{2044}' | '\u{2215}' => "/",
        '\u{b0}' | '\u{2da}' => " degrees",
        '\u{2103}' => " degrees C",
        '\u{2109}' => " degrees F",
        '\u{b1}' => "+/-",
        '\u{207a}' | '\u{208a}' | '\u{ff0b}' => "+",
        '\u{2264}' | '\u{2a7d}' => "<=",
        '\u{2265}' | '\u{2a7e}' => ">=",
        '\u{2260}' => "!=",
        '\u{2248}' | '\u{223c}' | '\u{2243}' => "~",
        '\u{2192}' | '\u{21d2}' => "->",
        '\u{2190}' | '\u{21d0}' => "<-",
        '\u{2194}' => "<->",
        '\u{2191}' => "(up)",
        '\u{2193}' => "(down)",
        '\u{221e}' => "infinity",
        '\u{221a}' => "sqrt",
        '\u{2206}' => "delta",
        '\u{2030}' => " per mille",
        '$' => "USD ",
        '\u{20ac}' => "EUR ",
        '\u{a3}' => "GBP ",
        '\u{a5}' => "JPY ",
        '\u{a2}' => " cents",
        '\u{a7}' => "section ",
        '\u{b6}' => "\n",
        '\u{a9}' => "(c)",
        '\u{ae}' => "(R)",
        '\u{2122}' => "(TM)",
        '\u{2713}' | '\u{2714}' | '\u{2611}' => "[x]",
        '\u{2717}' | '\u{2718}' | '\u{2610}' => "[ ]",
        '\u{a1}' => "!",
        '\u{bf}' => "?",
        '\u{a6}' => "|",
        '\u{2028}' | '\u{2029}' | '\u{85}' => "\n",
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => "",
        other if other.is_whitespace() => " ",
        other if other.is_control() || is_combining_mark(other) => "",
        _ => "?",
    }
}
