//! Numbers and times as people read them.

/// `1067600` as `1,067,600`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut words = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words
}

/// `count` and the word for it: `1 message`, `2 messages`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Seconds as a clock: `1:06`, or `1:02:05` from an hour on.
pub(crate) fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Frames as seconds.
pub(crate) fn seconds(frames: u64, rate_hz: u32) -> f64 {
    frames as f64 / f64::from(rate_hz.max(1))
}

/// Bytes in a unit that fits.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{} bytes", count(bytes)),
        10_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Milliseconds as seconds or milliseconds.
pub(crate) fn duration_ms(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{:.1} s", ms as f64 / 1e3) }
}

/// Breaks a text at spaces into lines of at most `width` columns; a longer word stands on its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut columns = 0;
    for word in text.split_whitespace() {
        let word_columns = console::measure_text_width(word);
        match lines.last_mut() {
            Some(line) if columns + 1 + word_columns <= width => {
                line.push(' ');
                line.push_str(word);
                columns += 1 + word_columns;
            }
            _ => {
                lines.push(word.to_owned());
                columns = word_columns;
            }
        }
    }
    lines
}

/// Takes control characters out of a text that came over the network, so that it cannot steer the terminal.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_067_600), "1,067,600");
        assert_eq!(counted(1, "message", "messages"), "1 message");
        assert_eq!(clock(66.7), "1:06");
        assert_eq!(clock(3_725.0), "1:02:05");
        assert_eq!(bytes(4_400_000), "4.4 MB");
        assert_eq!(duration_ms(1_400), "1.4 s");
    }

    #[test]
    fn text_wraps_at_spaces_and_cannot_steer_the_terminal() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("extraordinary x", 4), ["extraordinary", "x"]);
        assert!(wrap("", 4).is_empty());
        assert_eq!(harmless("a\u{1b}[2Jb\n"), "a [2Jb ");
    }
}
