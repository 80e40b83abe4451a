//! Running other programs.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// A call of another program; it knows how to say itself.
pub(crate) struct Call {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    directory: Option<PathBuf>,
}

impl Call {
    pub(crate) fn new(program: impl Into<OsString>) -> Call {
        Call { program: program.into(), arguments: Vec::new(), environment: Vec::new(), directory: None }
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Call {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Call::new(cargo).args(arguments)
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Call {
        self.arguments.push(argument.as_ref().into());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Call {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().into()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Call {
        self.environment.push((name.into(), value.as_ref().into()));
        self
    }

    pub(crate) fn current_dir(mut self, directory: &Path) -> Call {
        self.directory = Some(directory.into());
        self
    }

    /// The call as one would type it.
    pub(crate) fn line(&self) -> String {
        let program = Path::new(&self.program).file_stem().unwrap_or(&self.program);
        let mut words: Vec<String> =
            self.environment.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        words.push(quoted(program));
        words.extend(self.arguments.iter().map(quoted));
        words.join(" ")
    }

    /// Runs it with our own terminal; an error if it cannot start or does not succeed.
    pub(crate) fn run(self) -> Result<(), String> {
        self.finish(&mut self.command())
    }

    /// Runs it with its standard output sent to our standard error.
    pub(crate) fn run_aside(self) -> Result<(), String> {
        self.finish(self.command().stdout(Stdio::from(std::io::stderr())))
    }

    fn finish(&self, command: &mut Command) -> Result<(), String> {
        let status = command.status().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", self.line())) }
    }

    /// Runs it and returns its standard output.
    pub(crate) fn output(self) -> Result<String, String> {
        let output =
            self.command().stderr(Stdio::inherit()).output().map_err(|error| self.not_started(&error))?;
        if !output.status.success() {
            return Err(format!("`{}` ended with {}", self.line(), output.status));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| format!("`{}` printed bytes that are not UTF-8", self.line()))
    }

    /// Whether it runs and succeeds; shows nothing of it.
    pub(crate) fn succeeds(self) -> bool {
        self.command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Becomes that program where the system can do so, so that Ctrl-C reaches it alone and its exit status is
    /// ours; elsewhere waits for it and passes on its status.
    pub(crate) fn become_it(self) -> Result<ExitCode, String> {
        let mut command = self.command();
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            let error = command.exec();
            Err(self.not_started(&error))
        }
        #[cfg(not(unix))]
        {
            let status = command.status().map_err(|error| self.not_started(&error))?;
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            Ok(ExitCode::from(code))
        }
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        format!("`{}` could not be started: {error}", self.line())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        // `cargo xtask` hands us its description of this package. Build scripts that watch those variables
        // (ring's does) would be built again on each switch between a plain cargo and this one.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }
}

/// The path of a program that the shell would find, if there is one.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&file)).find(|candidate| candidate.is_file())
}

fn quoted(word: impl AsRef<OsStr>) -> String {
    let text = word.as_ref().to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) { text.into_owned() } else { format!("'{text}'") }
}

#[cfg(test)]
mod tests {
    use super::Call;

    #[test]
    fn a_call_says_itself_as_one_would_type_it() {
        let call = Call::new("/usr/bin/cc").env("CFLAGS", "-g -O2").args(["-c", "a b.c"]);
        assert_eq!(call.line(), "CFLAGS='-g -O2' cc -c 'a b.c'");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Call::new("no-such-program-of-ours").run().unwrap_err();
        assert!(error.starts_with("`no-such-program-of-ours` could not be started"), "{error}");
    }
}
