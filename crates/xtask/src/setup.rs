//! Set-up: what a command needs beside Rust, and how the system's package manager gets it.

use crate::process::{Call, on_path};
use crate::python;

/// A tool that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    /// Builds libFLAC.
    Cmake,
    /// Runs what cmake wrote.
    Make,
    /// The C compiler of libFLAC and the TLS library.
    Cc,
    /// libFLAC's build asks for a C++ compiler, although nothing that we use of it is C++.
    Cxx,
    /// The `flac` program, the judge of our FLAC.
    Flac,
    /// Lints; a component of rustup.
    Clippy,
    /// Formatting; a component of rustup.
    Rustfmt,
    /// A second C compiler, for the header.
    Clang,
    /// Finds leaks and reads of memory that was never written.
    Valgrind,
    /// Runs clients of the service that others wrote.
    Python,
    /// Finds installed libraries for a compiler.
    PkgConfig,
    /// The headers of Linux's sound system: `ossicle stream --mic` is built with them.
    Alsa,
}

/// What every build of ours needs.
pub(crate) const BUILD: &[Tool] = &[Tool::Cc, Tool::Cxx, Tool::Make, Tool::Cmake];

/// Package managers, in the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packages {
    Apt,
    Dnf,
    Apk,
    Pacman,
    Brew,
}

const ALL_PACKAGES: [(&str, Packages); 5] = [
    ("apt-get", Packages::Apt),
    ("dnf", Packages::Dnf),
    ("apk", Packages::Apk),
    ("pacman", Packages::Pacman),
    ("brew", Packages::Brew),
];

impl Tool {
    /// Its name and what it is for, for a person.
    fn label(self) -> (&'static str, &'static str) {
        match self {
            Tool::Cmake => ("cmake", "builds libFLAC"),
            Tool::Make => ("make", "builds libFLAC"),
            Tool::Cc => ("a C compiler", "builds libFLAC and the TLS library"),
            Tool::Cxx => ("a C++ compiler", "libFLAC's build asks for one"),
            Tool::Flac => ("flac", "the tests decode our FLAC with it"),
            Tool::Clippy => ("clippy", "lints"),
            Tool::Rustfmt => ("rustfmt", "formatting"),
            Tool::Clang => ("clang", "compiles the C header, beside the system's compiler"),
            Tool::Valgrind => ("valgrind", "finds leaks and reads of memory that was never written"),
            Tool::Python => ("Python, 3.12 or later", "runs clients of the service that others wrote"),
            Tool::PkgConfig => ("pkg-config", "finds the installed C library, as a user's build does"),
            Tool::Alsa => ("ALSA's headers", "recording from a microphone is built with them"),
        }
    }

    fn is_there(self) -> bool {
        // On Windows the compiler and its make come with Visual Studio, which Rust itself needs, and are not on the path.
        let compiler = |names: &[&str]| cfg!(windows) || names.iter().any(|name| on_path(name).is_some());
        match self {
            Tool::Cmake => on_path("cmake").is_some(),
            Tool::Make => compiler(&["make", "gmake"]),
            Tool::Cc => compiler(&["cc", "gcc", "clang"]),
            Tool::Cxx => compiler(&["c++", "g++", "clang++"]),
            Tool::Flac => on_path("flac").is_some(),
            Tool::Clippy => Call::cargo(["clippy", "--version"]).succeeds(),
            Tool::Rustfmt => Call::cargo(["fmt", "--version"]).succeeds(),
            Tool::Clang => on_path("clang").is_some(),
            Tool::Valgrind => on_path("valgrind").is_some(),
            // One that is too old for some of the tests will do here: the step then says what was not tried.
            Tool::Python => python::is_there(),
            Tool::PkgConfig => on_path("pkg-config").is_some(),
            Tool::Alsa => {
                !cfg!(target_os = "linux") || Call::new("pkg-config").args(["--exists", "alsa"]).succeeds()
            }
        }
    }

    /// The rustup component that it is, if it is one.
    fn component(self) -> Option<&'static str> {
        match self {
            Tool::Clippy => Some("clippy"),
            Tool::Rustfmt => Some("rustfmt"),
            _ => None,
        }
    }

    /// The packages that hold it. None for a tool that this package manager does not bring.
    fn packages(self, packages: Packages) -> &'static [&'static str] {
        use Packages::{Apk, Apt, Brew, Dnf, Pacman};
        match (self, packages) {
            (Tool::Cmake, _) => &["cmake"],
            (Tool::Make, Brew) => &[],
            (Tool::Make, _) => &["make"],
            (Tool::Cc, Apt) => &["gcc", "libc6-dev"],
            (Tool::Cc, Apk) => &["gcc", "musl-dev"],
            (Tool::Cc, Dnf | Pacman) => &["gcc"],
            (Tool::Cxx, Apt | Apk) => &["g++"],
            (Tool::Cxx, Dnf) => &["gcc-c++"],
            (Tool::Cxx, Pacman) => &["gcc"],
            // Apple's compilers come with `xcode-select --install`, which Rust itself needs.
            (Tool::Cc | Tool::Cxx, Brew) => &[],
            (Tool::Flac, _) => &["flac"],
            (Tool::Clang, Brew) => &["llvm"],
            (Tool::Clang, _) => &["clang"],
            (Tool::Valgrind, Brew) => &[],
            (Tool::Valgrind, _) => &["valgrind"],
            (Tool::Python, Apt) => &["python3", "python3-venv"],
            (Tool::Python, Pacman | Brew) => &["python"],
            (Tool::Python, _) => &["python3"],
            (Tool::PkgConfig, Apt) => &["pkg-config"],
            (Tool::PkgConfig, Dnf) => &["pkgconf-pkg-config"],
            (Tool::PkgConfig, Apk | Pacman | Brew) => &["pkgconf"],
            (Tool::Alsa, Apt) => &["libasound2-dev", "pkg-config"],
            (Tool::Alsa, Dnf) => &["alsa-lib-devel", "pkgconf-pkg-config"],
            (Tool::Alsa, Apk) => &["alsa-lib-dev", "pkgconf"],
            (Tool::Alsa, Pacman) => &["alsa-lib", "pkgconf"],
            (Tool::Alsa, Brew) => &[],
            (Tool::Clippy | Tool::Rustfmt, _) => &[],
        }
    }
}

/// What of this system matters for installing.
struct System {
    packages: Option<Packages>,
    is_root: bool,
    has_sudo: bool,
    has_rustup: bool,
}

impl System {
    fn look() -> System {
        let packages = ALL_PACKAGES.iter().find(|(program, _)| on_path(program).is_some());
        let is_root = cfg!(unix) && Call::new("id").arg("-u").output().is_ok_and(|id| id.trim() == "0");
        System {
            packages: packages.map(|(_, packages)| *packages),
            is_root,
            has_sudo: on_path("sudo").is_some(),
            has_rustup: on_path("rustup").is_some(),
        }
    }
}

/// The calls that install the missing tools, in order; or a sentence for the person who has to do it.
fn plan(missing: &[Tool], system: &System) -> Result<Vec<Call>, String> {
    let mut calls = Vec::new();
    let components: Vec<&str> = missing.iter().filter_map(|tool| tool.component()).collect();
    if !components.is_empty() {
        let call = Call::new("rustup").args(["component", "add"]).args(&components);
        if !system.has_rustup {
            let names = components.join(" and ");
            return Err(format!(
                "install {names} of the same version as your cargo (with rustup: `{}`)",
                call.line()
            ));
        }
        calls.push(call);
    }

    let tools: Vec<Tool> = missing.iter().copied().filter(|tool| tool.component().is_none()).collect();
    if tools.is_empty() {
        return Ok(calls);
    }
    let Some(packages) = system.packages else {
        return Err(format!(
            "no package manager that this program knows (apt-get, dnf, apk, pacman, brew) is here: install {} and run it again",
            names(&tools)
        ));
    };
    let by_hand: Vec<Tool> =
        tools.iter().copied().filter(|tool| tool.packages(packages).is_empty()).collect();
    if !by_hand.is_empty() {
        let hint = if packages == Packages::Brew {
            " (the compilers come with `xcode-select --install`)"
        } else {
            ""
        };
        return Err(format!("install {} by hand{hint} and run this again", names(&by_hand)));
    }

    let mut wanted: Vec<&str> = tools.iter().flat_map(|tool| tool.packages(packages)).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    let steps: &[&[&str]] = match packages {
        // A fresh image has no package lists; `env` keeps the setting through sudo.
        Packages::Apt => &[
            &["apt-get", "update"],
            &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"],
        ],
        Packages::Dnf => &[&["dnf", "install", "-y"]],
        Packages::Apk => &[&["apk", "add"]],
        Packages::Pacman => &[&["pacman", "-S", "--noconfirm", "--needed"]],
        Packages::Brew => &[&["brew", "install"]],
    };
    let as_root = packages != Packages::Brew && !system.is_root;
    for (at, step) in steps.iter().enumerate() {
        let words = if as_root { [&["sudo"], *step].concat() } else { step.to_vec() };
        let mut call = Call::new(words[0]).args(&words[1..]);
        if at + 1 == steps.len() {
            call = call.args(&wanted);
        }
        calls.push(call);
    }
    if as_root && !system.has_sudo {
        let lines: Vec<String> =
            calls.iter().map(|call| call.line().trim_start_matches("sudo ").to_owned()).collect();
        return Err(format!(
            "installing needs root, and sudo is not here: run as root `{}`",
            lines.join(" && ")
        ));
    }
    Ok(calls)
}

/// Makes sure that the tools are there: silent if they are, otherwise says what is missing and installs it.
///
/// With `may_install` off it only names what is missing, as an error.
pub(crate) fn ensure(needed: &[Tool], may_install: bool) -> Result<(), String> {
    let missing = missing(needed);
    if missing.is_empty() {
        return Ok(());
    }
    let system = System::look();
    let plan = plan(&missing, &system);
    if !may_install {
        let how = match plan {
            Ok(calls) => {
                let lines: Vec<String> = calls.iter().map(Call::line).collect();
                format!("install with `{}`, or run this without --no-install", lines.join(" && "))
            }
            Err(sentence) => sentence,
        };
        return Err(format!("missing: {}; {how}", names(&missing)));
    }

    eprintln!("Missing for this command:");
    for tool in &missing {
        let (name, purpose) = tool.label();
        eprintln!("  {name}: {purpose}");
    }
    // A list of packages that cannot be updated may still do: only what is missing at the end counts.
    let mut errors = Vec::new();
    for call in plan? {
        eprintln!("Installing: {}", call.line());
        errors.extend(call.run_aside().err());
    }
    let still = self::missing(&missing);
    if still.is_empty() {
        return Ok(());
    }
    errors.push(format!("still missing: {}; install it by hand and run this again", names(&still)));
    Err(errors.join("; "))
}

fn missing(needed: &[Tool]) -> Vec<Tool> {
    let mut tools: Vec<Tool> = needed.to_vec();
    tools.sort_unstable();
    tools.dedup();
    tools.retain(|tool| !tool.is_there());
    tools
}

fn names(tools: &[Tool]) -> String {
    tools.iter().map(|tool| tool.label().0).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Call, Packages, System, Tool, plan};

    fn system(packages: Option<Packages>) -> System {
        System { packages, is_root: true, has_sudo: false, has_rustup: true }
    }

    fn lines(missing: &[Tool], system: &System) -> Result<Vec<String>, String> {
        plan(missing, system).map(|calls| calls.iter().map(Call::line).collect())
    }

    #[test]
    fn apt_updates_its_lists_first_and_asks_nothing() {
        let lines = lines(&[Tool::Cxx, Tool::Cmake], &system(Some(Packages::Apt))).unwrap();
        assert_eq!(
            lines,
            [
                "apt-get update",
                "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends cmake g++"
            ]
        );
    }

    #[test]
    fn without_root_it_goes_through_sudo_or_says_what_root_should_run() {
        let mut user = System { is_root: false, has_sudo: true, ..system(Some(Packages::Dnf)) };
        assert_eq!(lines(&[Tool::Flac], &user).unwrap(), ["sudo dnf install -y flac"]);
        user.has_sudo = false;
        let sentence = lines(&[Tool::Flac], &user).unwrap_err();
        assert!(sentence.ends_with("run as root `dnf install -y flac`"), "{sentence}");
    }

    #[test]
    fn brew_never_runs_as_root_and_leaves_the_compilers_to_apple() {
        let user = System { is_root: false, ..system(Some(Packages::Brew)) };
        assert_eq!(lines(&[Tool::Cmake], &user).unwrap(), ["brew install cmake"]);
        assert!(lines(&[Tool::Cc, Tool::Cmake], &user).unwrap_err().contains("xcode-select --install"));
    }

    #[test]
    fn a_package_that_brings_two_tools_is_named_once() {
        let lines = lines(&[Tool::Cc, Tool::Cxx], &system(Some(Packages::Pacman))).unwrap();
        assert_eq!(lines, ["pacman -S --noconfirm --needed gcc"]);
    }

    #[test]
    fn components_come_from_rustup_and_not_from_the_package_manager() {
        let mut bare = system(None);
        assert_eq!(
            lines(&[Tool::Clippy, Tool::Rustfmt], &bare).unwrap(),
            ["rustup component add clippy rustfmt"]
        );
        bare.has_rustup = false;
        assert!(lines(&[Tool::Clippy], &bare).unwrap_err().contains("rustup component add clippy"));
    }

    #[test]
    fn an_unknown_system_gets_a_sentence_with_the_names() {
        let sentence = lines(&[Tool::Cmake, Tool::Flac], &system(None)).unwrap_err();
        assert!(sentence.contains("install cmake, flac"), "{sentence}");
    }
}
