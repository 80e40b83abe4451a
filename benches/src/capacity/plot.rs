//! A plot of processor time against sessions, as SVG.

use super::report::Results;
use super::{Client, Outcome, Pace};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
/// Left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (70.0, 56.0, 24.0, 52.0);

const COLOURS: [(Client, &str); 3] =
    [(Client::Official, "#b3541e"), (Client::Ours, "#1e5fb3"), (Client::Floor, "#7a7a7a")];

struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// Logarithmic, from the power of ten below `low` to `high`.
    fn at(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value / self.low).log10() / (self.high / self.low).log10()
    }

    /// 1, 2, 5, 10 and so on.
    fn ticks(&self) -> Vec<f64> {
        let decades = (0..8).map(|power| 10_f64.powi(power));
        let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|step| step * decade));
        all.filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
}

/// Medians of the real-time cases with the default streams on one connection: sessions and microseconds.
fn series(results: &Results, client: Client) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for case in &results.cases {
        let Some(spec) =
            case.repeats.iter().flatten().map(|outcome| &outcome.spec).find(|s| s.client == client)
        else {
            continue;
        };
        let usual = spec.pace == Pace::RealTime && spec.streams_per_connection == 1_000 && !spec.latency;
        let known = points.iter().any(|(sessions, _)| *sessions == f64::from(spec.sessions));
        if usual && !spec.together && !known {
            points.push((f64::from(spec.sessions), case.median(client, Outcome::us_per_second)));
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// The plot, or `None` when there is nothing to draw.
#[must_use]
pub fn svg(results: &Results) -> Option<String> {
    let all: Vec<_> = COLOURS.map(|(client, colour)| (client, colour, series(results, client))).into();
    let points = || all.iter().flat_map(|(.., points)| points);
    let most = |value: fn(&(f64, f64)) -> f64| points().map(value).reduce(f64::max);
    let least = |value: fn(&(f64, f64)) -> f64| points().map(value).reduce(f64::min);
    let x =
        Axis { low: least(|p| p.0)?, high: most(|p| p.0)?.max(2.0), from: MARGIN.0, to: WIDTH - MARGIN.2 };
    let y = Axis {
        low: least(|p| p.1)? * 0.7,
        high: most(|p| p.1)? * 1.3,
        from: HEIGHT - MARGIN.3,
        to: MARGIN.1,
    };
    let mut svg = String::new();
    draw(&mut svg, results, &x, &y, &all).ok()?;
    Some(svg)
}

type Lines = [(Client, &'static str, Vec<(f64, f64)>)];

fn draw(svg: &mut String, results: &Results, x: &Axis, y: &Axis, all: &Lines) -> std::fmt::Result {
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
<text x="{0}" y="22" font-size="15">Processor time of the client for each session and second of audio</text>
<text x="{0}" y="40" fill="#555555">real time, TLS, 16 kHz PCM, 100 ms chunks; {1}, {2}</text>"##,
        MARGIN.0, results.machine, results.date
    )?;
    for tick in x.ticks() {
        let at = x.at(tick);
        writeln!(
            svg,
            r##"<line x1="{at:.1}" x2="{at:.1}" y1="{}" y2="{}" stroke="#e4e4e4"/><text x="{at:.1}" y="{}" text-anchor="middle">{tick}</text>"##,
            y.from,
            y.to,
            y.from + 18.0
        )?;
    }
    for tick in y.ticks() {
        let at = y.at(tick);
        writeln!(
            svg,
            r##"<line x1="{}" x2="{}" y1="{at:.1}" y2="{at:.1}" stroke="#e4e4e4"/><text x="{}" y="{:.1}" text-anchor="end">{tick}</text>"##,
            x.from,
            x.to,
            x.from - 8.0,
            at + 4.0
        )?;
    }
    let (middle, bottom) = (f64::midpoint(x.from, x.to), HEIGHT - 12.0);
    writeln!(svg, r##"<text x="{middle:.0}" y="{bottom}" text-anchor="middle">sessions at once</text>"##)?;
    let up = f64::midpoint(y.from, y.to);
    writeln!(
        svg,
        r##"<text x="18" y="{up:.0}" text-anchor="middle" transform="rotate(-90 18 {up:.0})">microseconds</text>"##
    )?;
    for (client, colour, points) in all {
        let places: Vec<_> = points.iter().map(|(n, us)| (x.at(*n), y.at(*us))).collect();
        let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            line.join(" ")
        )?;
        for (at, (_, us)) in places.iter().zip(points) {
            writeln!(
                svg,
                r#"<circle cx="{0:.1}" cy="{1:.1}" r="3.5" fill="{colour}"><title>{us:.0} us</title></circle>"#,
                at.0, at.1
            )?;
        }
        if let Some((x, y)) = places.first() {
            let name = client.name();
            writeln!(svg, r#"<text x="{:.1}" y="{:.1}" fill="{colour}">{name}</text>"#, x + 8.0, y - 8.0)?;
        }
    }
    writeln!(svg, "</svg>")
}
