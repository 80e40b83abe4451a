//! The live display: text that settles as it is heard, and under it progress, levels and the round trip.

use std::collections::BTreeMap;

use console::{Style, Term, truncate_str};
use ossicle::core::{Event, State, Transcript};

use super::plain::Teller;
use super::{Progress, Show, Voices, words};

/// Columns before the text of a transcript: margin, time, name.
const TEXT_COLUMN: usize = 20;
/// Wider lines are tiring to read.
const WIDTH_MAX: usize = 100;
/// The last lines of a text that is still changing; the rest shows when it is final.
const PARTIAL_LINES_MAX: usize = 3;
/// What a level meter shows, dBFS: below is a quiet room.
const METER_FLOOR_DBFS: f32 = -60.0;
/// How fast a meter falls back, in dB each drawing: a peak stays readable.
const METER_FALL_DB: f32 = 2.5;
/// Cells of a level meter.
const METER_CELLS: usize = 12;

/// Shows a session on a terminal.
pub(crate) struct Live {
    term: Term,
    voices: Voices,
    teller: Teller,
    glyphs: &'static Glyphs,
    partial: BTreeMap<usize, Transcript>,
    progress: Option<Progress>,
    meters_dbfs: [f32; 2],
    drawn_lines: usize,
    closed: bool,
}

struct Glyphs {
    done: &'static str,
    sent: &'static str,
    head: &'static str,
    rest: &'static str,
    /// A cell of a meter, from empty to full.
    meter: &'static [&'static str],
    ellipsis: &'static str,
    mark: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    done: "━",
    sent: "╍",
    head: "╸",
    rest: "─",
    meter: &["░", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    ellipsis: "…",
    mark: "•",
};

const ASCII: Glyphs =
    Glyphs { done: "=", sent: "-", head: ">", rest: ".", meter: &[".", "#"], ellipsis: "...", mark: "*" };

impl Live {
    /// For a session with these voices.
    pub(crate) fn new(voices: Voices) -> Self {
        Self {
            term: Term::stdout(),
            voices,
            teller: Teller::default(),
            glyphs: if speaks_utf8() { &UNICODE } else { &ASCII },
            partial: BTreeMap::new(),
            progress: None,
            meters_dbfs: [METER_FLOOR_DBFS; 2],
            drawn_lines: 0,
            closed: false,
        }
    }

    fn width(&self) -> usize {
        usize::from(self.term.size().1).clamp(40, WIDTH_MAX)
    }

    /// A transcript in lines, settled or still changing.
    fn transcript_lines(&self, piece: &Transcript) -> Vec<String> {
        let channel = Voices::number(piece.channel.as_deref());
        let style = Style::new().for_stdout();
        let text_style = if piece.partial { style.clone().dim() } else { style.clone() };
        let mut text = words::harmless(&piece.text);
        if piece.partial {
            text.push_str(self.glyphs.ellipsis);
        }
        let mut lines = words::wrap(&text, self.width() - TEXT_COLUMN - 1);
        if piece.partial && lines.len() > PARTIAL_LINES_MAX {
            lines.drain(..lines.len() - PARTIAL_LINES_MAX);
        }
        let name = format!("{:<10}", self.voices.name(channel));
        let time = format!("{:>6}", words::clock(piece.begin_s));
        let head = format!("{}  {}", style.dim().apply_to(time), Voices::paint(channel, name));
        let indent = " ".repeat(TEXT_COLUMN);
        let heads = std::iter::once(format!("{head}  ")).chain(std::iter::repeat(indent));
        heads.zip(lines).map(|(head, line)| format!("{head}{}", text_style.apply_to(line))).collect()
    }

    fn bar(&self, progress: &Progress) -> String {
        let style = Style::new().for_stdout();
        let Some(total_s) = progress.total_s.filter(|total| *total > 0.0) else {
            let time = words::clock(progress.captured_s);
            return format!("  {}", style.dim().apply_to(format!("{time} captured")));
        };
        let time = format!("{} / {}", words::clock(progress.captured_s), words::clock(total_s.round()));
        let cells = self.width() - 6 - time.len();
        let at = |seconds: f64| ((seconds / total_s).clamp(0.0, 1.0) * cells as f64).round() as usize;
        let captured = at(progress.captured_s);
        let delivered = at(progress.delivered_s).min(captured);
        // What is captured and not yet proven to be delivered stands out between the two.
        let head = usize::from(captured < cells);
        let done = self.glyphs.done.repeat(delivered);
        let sent = self.glyphs.sent.repeat(captured - delivered);
        let rest = self.glyphs.rest.repeat(cells - captured - head);
        format!(
            "  {}{}{}{}  {}",
            style.clone().cyan().apply_to(done),
            style.clone().yellow().apply_to(sent),
            style.clone().cyan().apply_to(self.glyphs.head.repeat(head)),
            style.clone().dim().apply_to(rest),
            style.dim().apply_to(time),
        )
    }

    fn meter(&self, dbfs: f32) -> String {
        let style = Style::new().for_stdout();
        let style = if dbfs > -1.0 { style.red() } else { style.dim() };
        let steps = self.glyphs.meter.len() - 1;
        let share = ((dbfs - METER_FLOOR_DBFS) / -METER_FLOOR_DBFS).clamp(0.0, 1.0);
        let filled = (share * (METER_CELLS * steps) as f32).round() as usize;
        let cell = |place: usize| self.glyphs.meter[filled.saturating_sub(place * steps).min(steps)];
        style.apply_to((0..METER_CELLS).map(cell).collect::<String>()).to_string()
    }

    fn status(&self, progress: &Progress) -> String {
        let style = Style::new().for_stdout();
        let mut parts: Vec<String> = (0..usize::from(progress.channels).min(2))
            .map(|channel| {
                let name = style.clone().dim().apply_to(self.voices.name(channel));
                format!("{name} {}", self.meter(self.meters_dbfs[channel]))
            })
            .collect();
        match (progress.state, progress.rtt_ms) {
            (State::Opening, _) => parts.push(style.dim().apply_to("connecting").to_string()),
            (State::Recovering, _) => {
                let held_s = (progress.captured_s - progress.delivered_s).max(0.0);
                let text = format!("interrupted, {held_s:.0} s kept");
                parts.push(style.yellow().apply_to(text).to_string());
            }
            (_, Some(rtt_ms)) => {
                let text = if rtt_ms < 10.0 { format!("{rtt_ms:.1}") } else { format!("{rtt_ms:.0}") };
                parts.push(style.dim().apply_to(format!("round trip {text} ms")).to_string());
            }
            _ => {}
        }
        format!("  {}", parts.join("   "))
    }

    /// Puts lines that stay above the live ones, and draws the live ones anew, in one write.
    fn draw(&mut self, settled: &[String]) {
        if self.closed {
            return;
        }
        let limit = usize::from(self.term.size().1).max(20) - 1;
        let mut live: Vec<String> =
            self.partial.values().flat_map(|piece| self.transcript_lines(piece)).collect();
        if let Some(progress) = &self.progress {
            live.extend([String::new(), self.bar(progress), self.status(progress)]);
        }
        let mut screen = String::from("\x1b[?25l");
        screen.push_str(&erase(self.drawn_lines));
        for line in settled.iter().chain(&live) {
            screen.push_str(&truncate_str(line, limit, ""));
            screen.push('\n');
        }
        self.drawn_lines = live.len();
        // A terminal that went away is no failure of the session.
        let _ = self.term.write_str(&screen);
    }
}

impl Show for Live {
    fn event(&mut self, event: &Event) {
        let settled = match event {
            Event::Transcript(piece) => {
                let channel = Voices::number(piece.channel.as_deref());
                let mut piece = piece.clone();
                // A stream that resumes in mid-sentence knows only the rest of it.
                if let Some(known) = self.partial.get(&channel)
                    && known.segment_id == piece.segment_id
                {
                    piece.begin_s = piece.begin_s.min(known.begin_s);
                }
                if piece.partial {
                    self.partial.insert(channel, piece);
                    Vec::new()
                } else {
                    self.partial.remove(&channel);
                    self.transcript_lines(&piece)
                }
            }
            other => match self.teller.sentence(other) {
                Some(text) => self.aside(&text, &tone(other)),
                None => Vec::new(),
            },
        };
        self.draw(&settled);
    }

    fn progress(&mut self, progress: &Progress) {
        for (shown, peak) in self.meters_dbfs.iter_mut().zip(progress.peak_dbfs) {
            *shown = peak.max(*shown - METER_FALL_DB).max(METER_FLOOR_DBFS);
        }
        self.progress = Some(*progress);
        self.draw(&[]);
    }

    fn note(&mut self, sentence: &str) {
        let lines = self.aside(sentence, &Style::new().for_stdout().dim());
        self.draw(&lines);
    }

    fn close(&mut self) {
        if !self.closed {
            self.partial.clear();
            self.progress = None;
            self.draw(&[]);
            self.closed = true;
            let _ = self.term.write_str("\x1b[?25h");
        }
    }
}

impl Live {
    /// A sentence between the lines of the transcript.
    fn aside(&self, text: &str, style: &Style) -> Vec<String> {
        let lines = words::wrap(text, self.width() - TEXT_COLUMN - 1);
        let lead = format!("{:>width$}  ", self.glyphs.mark, width = TEXT_COLUMN - 2);
        let heads = std::iter::once(lead).chain(std::iter::repeat(" ".repeat(TEXT_COLUMN)));
        heads.zip(lines).map(|(head, line)| style.apply_to(format!("{head}{line}")).to_string()).collect()
    }
}

/// How loud an event is.
fn tone(event: &Event) -> Style {
    let style = Style::new().for_stdout();
    match event {
        Event::Recovered { .. } => style.green(),
        Event::Dropped { .. } => style.red(),
        _ => style.yellow(),
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.close();
    }
}

/// Moves to the first of the last lines and clears from there.
fn erase(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\r\x1b[J") }
}

/// Whether the terminal's locale is UTF-8. Windows' terminals are, whatever the environment says.
fn speaks_utf8() -> bool {
    if cfg!(windows) {
        return true;
    }
    // The first of them that is set decides, as in setlocale.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    // Nothing set says nothing: containers come without a locale and are looked at from terminals that have one.
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use console::{measure_text_width, strip_ansi_codes};

    fn live() -> Live {
        Live::new(Voices::default())
    }

    fn piece(partial: bool, text: &str) -> Transcript {
        Transcript {
            segment_id: "s".into(),
            begin_s: 61.0,
            end_s: 62.0,
            service_begin_s: None,
            service_end_s: None,
            channel: Some("ch_1".into()),
            partial,
            text: text.into(),
        }
    }

    #[test]
    fn text_stands_under_its_speaker_and_a_long_partial_shows_its_end() {
        let live = live();
        let lines = live.transcript_lines(&piece(false, &"word ".repeat(40)));
        assert!(lines.len() > 2);
        let first = strip_ansi_codes(&lines[0]).into_owned();
        assert!(first.starts_with("  1:01  Speaker 2   word"), "{first}");
        for line in &lines {
            assert!(measure_text_width(line) < live.width(), "{line}");
            let text = strip_ansi_codes(line).into_owned();
            assert_eq!(text.chars().skip(TEXT_COLUMN).collect::<String>().trim_start(), &text[TEXT_COLUMN..]);
        }
        let partial = live.transcript_lines(&piece(true, &"word ".repeat(100)));
        assert_eq!(partial.len(), PARTIAL_LINES_MAX);
        assert!(strip_ansi_codes(&partial[PARTIAL_LINES_MAX - 1]).ends_with(live.glyphs.ellipsis));
    }

    #[test]
    fn the_bar_is_as_wide_at_its_beginning_as_at_its_end() {
        let live = live();
        let progress = |captured_s, delivered_s| Progress {
            state: State::Streaming,
            captured_s,
            delivered_s,
            total_s: Some(66.7),
            channels: 2,
            peak_dbfs: [-20.0, -60.0],
            rtt_ms: Some(0.31),
        };
        let widths: Vec<usize> = [(0.0, 0.0), (30.0, 12.0), (66.7, 66.7), (99.0, 66.7)]
            .iter()
            .map(|(captured, delivered)| measure_text_width(&live.bar(&progress(*captured, *delivered))))
            .collect();
        assert!(widths.iter().all(|width| *width == widths[0] && *width <= live.width()), "{widths:?}");
        let status = strip_ansi_codes(&live.status(&progress(1.0, 1.0))).into_owned();
        assert!(status.ends_with("round trip 0.3 ms"), "{status}");
    }

    #[test]
    fn a_meter_fills_from_the_floor_to_full_scale() {
        let live = live();
        let (empty, full) = (live.glyphs.meter[0], live.glyphs.meter[live.glyphs.meter.len() - 1]);
        assert_eq!(strip_ansi_codes(&live.meter(METER_FLOOR_DBFS)), empty.repeat(METER_CELLS));
        assert_eq!(strip_ansi_codes(&live.meter(0.0)), full.repeat(METER_CELLS));
        let half = strip_ansi_codes(&live.meter(METER_FLOOR_DBFS / 2.0)).into_owned();
        assert_eq!(half, full.repeat(METER_CELLS / 2) + &empty.repeat(METER_CELLS / 2));
    }
}
