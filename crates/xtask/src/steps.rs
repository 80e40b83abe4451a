//! Steps: a list of checks that run one after another, with a title, a time and a summary.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::setup::{self, Tool};
use crate::tree::Tree;

/// One check. Adding one is one entry in a list of these.
pub(crate) struct Step {
    /// Its name on the command line and in the summary.
    pub(crate) name: &'static str,
    /// What it shows, in a few words.
    pub(crate) title: &'static str,
    /// What must be installed for it.
    pub(crate) needs: &'static [Tool],
    /// A file that must be in the tree for it: without it the step is not listed. Empty: always listed.
    pub(crate) file: &'static str,
    /// The check; an error is a sentence.
    pub(crate) run: fn(&Tree, &Options) -> Result<(), String>,
}

/// The command line of a list of steps.
pub(crate) struct Options {
    may_install: bool,
    only: Option<String>,
    list: bool,
    /// How long each fuzz target runs.
    pub(crate) fuzz_seconds: u64,
    /// Why the step that runs did not check what it is for, if it could not.
    skipped: RefCell<Option<String>>,
}

/// How long a fuzz target runs when nothing is said: long enough to leave the corpus behind.
const FUZZ_SECONDS_DEFAULT: u64 = 60;

/// Options that only one list takes.
pub(crate) const FUZZ_SECONDS: &str = "--fuzz-seconds";

impl Options {
    /// Reads the options; `extra` are those that this list takes beside the common ones.
    pub(crate) fn parse(arguments: &[String], extra: &[&str]) -> Result<Options, Failure> {
        let mut options = Options {
            may_install: true,
            only: None,
            list: false,
            fuzz_seconds: FUZZ_SECONDS_DEFAULT,
            skipped: RefCell::new(None),
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                let missing = || Failure::Usage(format!("{argument} needs a value"));
                rest.next().cloned().ok_or_else(missing)
            };
            match argument.as_str() {
                "--no-install" => options.may_install = false,
                "--list" => options.list = true,
                "--step" => options.only = Some(value()?),
                FUZZ_SECONDS if extra.contains(&FUZZ_SECONDS) => {
                    let text = value()?;
                    let wrong = |_| Failure::Usage(format!("{text:?} is not a number of seconds"));
                    options.fuzz_seconds = text.parse().map_err(wrong)?;
                }
                other => return Err(Failure::Usage(format!("there is no option {other:?} here"))),
            }
        }
        Ok(options)
    }

    /// Says that this step could not check what it is for: it is then told apart from those that passed.
    pub(crate) fn skip(&self, sentence: impl Into<String>) {
        *self.skipped.borrow_mut() = Some(sentence.into());
    }
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Passed,
    /// Not checked, because something cannot be had here.
    Skipped,
    Failed,
}

/// What a run of steps came to.
pub(crate) struct Summary {
    results: Vec<(&'static str, Ended, Duration)>,
}

/// Runs the steps that the tree has, all of them even when one fails. None when they were only listed.
pub(crate) fn run(steps: &[Step], tree: &Tree, options: &Options) -> Result<Option<Summary>, Failure> {
    let mut chosen: Vec<&Step> =
        steps.iter().filter(|step| step.file.is_empty() || tree.has(step.file)).collect();
    if options.list {
        for step in &chosen {
            crate::answer(&format!("{:<12} {}", step.name, step.title));
        }
        return Ok(None);
    }
    if let Some(name) = &options.only {
        chosen.retain(|step| step.name == name);
        if chosen.is_empty() {
            return Err(Failure::Usage(format!("there is no step {name:?}; --list names them")));
        }
    }

    let needs: Vec<Tool> = chosen.iter().flat_map(|step| step.needs).copied().collect();
    setup::ensure(&needs, options.may_install)?;
    let mut results = Vec::new();
    for (at, step) in chosen.iter().enumerate() {
        eprintln!("\n== {} of {}: {}: {}", at + 1, chosen.len(), step.name, step.title);
        let begin = Instant::now();
        let result = (step.run)(tree, options);
        let skipped = options.skipped.borrow_mut().take();
        let ended = match (result, skipped) {
            (Err(sentence), _) => {
                eprintln!("== {}: FAILED: {sentence}", step.name);
                Ended::Failed
            }
            (Ok(()), Some(sentence)) => {
                eprintln!("== {}: SKIPPED, not passed: {sentence}", step.name);
                Ended::Skipped
            }
            (Ok(()), None) => Ended::Passed,
        };
        results.push((step.name, ended, begin.elapsed()));
    }
    Ok(Some(Summary { results }))
}

impl Summary {
    /// The names of the steps that failed.
    pub(crate) fn failed(&self) -> Vec<&'static str> {
        self.named(Ended::Failed)
    }

    fn named(&self, ended: Ended) -> Vec<&'static str> {
        self.results.iter().filter(|(_, how, _)| *how == ended).map(|(name, ..)| *name).collect()
    }

    /// One line for a program: whether all passed, how many there were, or which failed.
    pub(crate) fn verdict(&self, command: &str) -> String {
        let failed = self.failed();
        let seconds: f64 = self.results.iter().map(|(.., took)| took.as_secs_f64()).sum();
        if failed.is_empty() {
            let skipped = self.named(Ended::Skipped);
            let passed = self.results.len() - skipped.len();
            let but = match skipped[..] {
                [] => String::new(),
                _ => format!("; SKIPPED, not passed: {}", skipped.join(", ")),
            };
            format!("xtask {command}: ok, {passed} steps in {seconds:.0} s{but}")
        } else {
            let (count, all, names) = (failed.len(), self.results.len(), failed.join(", "));
            format!("xtask {command}: FAILED, {count} of {all} steps: {names}")
        }
    }

    /// The table for a person.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from("\nstep          result    time\n");
        for (name, ended, took) in &self.results {
            let word = match ended {
                Ended::Passed => "ok",
                Ended::Skipped => "SKIPPED",
                Ended::Failed => "FAILED",
            };
            table += &format!("{name:<13} {word:<7} {:>6.1} s\n", took.as_secs_f64());
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::{FUZZ_SECONDS, Options, Step, run};
    use crate::Failure;
    use crate::tree::Tree;

    const STEPS: &[Step] = &[
        Step { name: "good", title: "passes", needs: &[], file: "", run: |_, _| Ok(()) },
        Step { name: "bad", title: "fails", needs: &[], file: "", run: |_, _| Err("it is broken".into()) },
        Step { name: "after", title: "still runs", needs: &[], file: "", run: |_, _| Ok(()) },
        Step { name: "later", title: "no file yet", needs: &[], file: "no/such/file", run: |_, _| Ok(()) },
    ];

    fn options(arguments: &[&str]) -> Result<Options, Failure> {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        Options::parse(&arguments, &[FUZZ_SECONDS])
    }

    fn tree() -> Tree {
        Tree { root: std::env::temp_dir(), target: std::env::temp_dir(), packages: Vec::new() }
    }

    fn failed(arguments: &[&str]) -> Vec<&'static str> {
        let options = options(arguments).ok().unwrap();
        run(STEPS, &tree(), &options).ok().unwrap().unwrap().failed()
    }

    #[test]
    fn a_failure_does_not_stop_the_others_and_is_named() {
        let options = options(&[]).ok().unwrap();
        let summary = run(STEPS, &tree(), &options).ok().unwrap().unwrap();
        assert_eq!(summary.verdict("test"), "xtask test: FAILED, 1 of 3 steps: bad");
        assert!(summary.table().contains("after"));
    }

    #[test]
    fn what_was_skipped_is_not_counted_as_passed() {
        const STEPS: &[Step] = &[
            Step { name: "good", title: "passes", needs: &[], file: "", run: |_, _| Ok(()) },
            Step {
                name: "dark",
                title: "cannot be tried",
                needs: &[],
                file: "",
                run: |_, options| {
                    options.skip("no lamp");
                    Ok(())
                },
            },
        ];
        let summary = run(STEPS, &tree(), &options(&[]).ok().unwrap()).ok().unwrap().unwrap();
        let verdict = summary.verdict("verify");
        assert!(verdict.starts_with("xtask verify: ok, 1 steps in"), "{verdict}");
        assert!(verdict.ends_with("SKIPPED, not passed: dark"), "{verdict}");
        assert!(summary.table().contains("SKIPPED"));
    }

    #[test]
    fn one_step_can_be_chosen() {
        assert!(failed(&["--step", "good"]).is_empty());
        assert_eq!(failed(&["--step", "bad"]), ["bad"]);
    }

    #[test]
    fn a_step_that_is_not_there_is_a_usage_error() {
        for name in ["later", "nonsense"] {
            let options = options(&["--step", name]).ok().unwrap();
            assert!(matches!(run(STEPS, &tree(), &options), Err(Failure::Usage(_))), "{name}");
        }
    }

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        assert_eq!(options(&["--fuzz-seconds", "5"]).ok().unwrap().fuzz_seconds, 5);
        for wrong in [&["--fuzz-seconds", "soon"][..], &["--step"], &["--stp", "x"]] {
            assert!(matches!(options(wrong), Err(Failure::Usage(_))), "{wrong:?}");
        }
        assert!(matches!(
            Options::parse(&["--fuzz-seconds".into(), "5".into()], &[]),
            Err(Failure::Usage(_))
        ));
    }
}
