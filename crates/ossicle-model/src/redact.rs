//! Values that are kept and sent, but never formatted.

/// What `Debug` prints in place of a value that may hold health information or a secret.
pub(crate) struct Hidden;

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A text that may hold health information: it has no `Display`, and its `Debug` prints only its length.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Phi(String);

impl Phi {
    /// Keeps a text from being formatted.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. The caller answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Phi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<redacted, {} bytes>", self.0.len())
    }
}
