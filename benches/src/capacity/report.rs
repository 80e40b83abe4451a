//! Medians over repeats, ratios of runs that were made side by side, and the table of them.

use super::{Client, Outcome};
use serde::{Deserialize, Serialize};

/// Runs of several clients under the same conditions, repeated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// What is compared.
    pub name: String,
    /// One entry a repeat: the outcomes of its clients.
    pub repeats: Vec<Vec<Outcome>>,
}

/// All that a run of the bench found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// The day, as the system's clock has it.
    pub date: String,
    /// Processor and number of them.
    pub machine: String,
    /// What was compared.
    pub cases: Vec<Case>,
}

/// The middle value; of an even number the lower middle. NaN for none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

impl Case {
    /// The values of one client, one a repeat.
    pub fn values(&self, client: Client, value: impl Fn(&Outcome) -> f64) -> Vec<f64> {
        let of_client = self.repeats.iter().flatten().filter(|outcome| outcome.spec.client == client);
        of_client.map(value).collect()
    }

    /// The median of one client.
    pub fn median(&self, client: Client, value: impl Fn(&Outcome) -> f64) -> f64 {
        median(self.values(client, value))
    }

    /// The ratios of two clients' processor time, one a repeat.
    #[must_use]
    pub fn ratios(&self, above: Client, below: Client) -> Vec<f64> {
        let of = |repeat: &[Outcome], client| {
            repeat.iter().find(|outcome| outcome.spec.client == client).map(Outcome::us_per_second)
        };
        let pairs = self.repeats.iter();
        pairs.filter_map(|repeat| Some(of(repeat, above)? / of(repeat, below)?)).collect()
    }

    /// Lines of a table: one a client, then the ratios.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = format!(
            "\n{}\n  {:<13} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>8} {:>6} {:>7} {:>8}  latency us p50/p90/p99/max\n",
            self.name,
            "client",
            "us/s",
            "user",
            "source",
            "waits/s",
            "calls/s",
            "kB each",
            "no audio",
            "conns",
            "open s",
            "dropped"
        );
        for client in [Client::Ours, Client::Official, Client::Floor] {
            if self.values(client, |_| 0.0).is_empty() {
                continue;
            }
            let of = |value: fn(&Outcome) -> f64| self.median(client, value);
            table += &format!(
                "  {:<13} {:>8.1} {:>8.1} {:>8.1} {:>9.0} {:>9.0} {:>8.1} {:>8.1} {:>6} {:>7.2} {:>8}  {}\n",
                client.name(),
                of(Outcome::us_per_second),
                of(|o| o.measured.user_us as f64 / o.measured.session_seconds),
                of(|o| o.measured.source_us as f64 / o.measured.session_seconds),
                of(|o| o.measured.waits as f64 / o.measured.wall_s),
                of(|o| o.measured.system_calls_per_s.unwrap_or(f64::NAN)),
                of(|o| o.rss_per_session() / 1e3),
                of(|o| o.rss_beside_audio() / 1e3),
                of(|o| o.counts.connections as f64),
                of(|o| o.measured.opening_s),
                of(|o| o.measured.dropped_frames as f64),
                self.quantiles(client, |outcome| outcome.counts.latency_us),
            );
        }
        let ticker = self.quantiles(Client::Ours, |outcome| outcome.measured.ticker_us);
        if !ticker.is_empty() {
            table += &format!("  a bare ticker of 10 ms in ossicle's process: {ticker} us\n");
        }
        for (above, below) in [(Client::Official, Client::Ours), (Client::Ours, Client::Floor)] {
            let ratios = self.ratios(above, below);
            if !ratios.is_empty() {
                let all: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
                let (above, below) = (above.name(), below.name());
                table += &format!("  {above} / {below}: {:.2} ({})\n", median(ratios), all.join(", "));
            }
        }
        table
    }

    /// Medians over the repeats of each quantile.
    fn quantiles(&self, client: Client, of: fn(&Outcome) -> Option<[u64; 4]>) -> String {
        let parts = [0, 1, 2, 3].map(|part| {
            self.median(client, |outcome| of(outcome).map_or(f64::NAN, |quantiles| quantiles[part] as f64))
        });
        if parts[0].is_nan() { String::new() } else { parts.map(|us| format!("{us:.0}")).join(" / ") }
    }
}

/// The processor and how many there are.
#[must_use]
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} ({count} processors)", model.map_or("unknown", |(_, model)| model))
}

/// Today, UTC.
#[must_use]
pub fn today() -> String {
    // A Date header's form, which is at hand: "Wed, 25 Nov 2026 20:15:08 GMT".
    let text = httpdate::fmt_http_date(std::time::SystemTime::now());
    text.get(5..16).unwrap_or_default().to_owned()
}
