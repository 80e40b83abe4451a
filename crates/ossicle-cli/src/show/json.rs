//! Events as lines for a program.

use ossicle::core::{Event, json};

use super::{Progress, Show, complain, print};

/// One JSON object a line on standard output; sentences go to standard error.
pub(crate) struct Json {
    session_id: String,
}

impl Json {
    /// For a session.
    pub(crate) fn new(session_id: &str) -> Self {
        Self { session_id: session_id.to_owned() }
    }
}

impl Show for Json {
    fn event(&mut self, event: &Event) {
        let mut line = json::event(event);
        if let (Event::Opened { .. }, Some(members)) = (event, line.as_object_mut()) {
            members.insert("session_id".into(), self.session_id.as_str().into());
        }
        print(&line.to_string());
    }

    fn progress(&mut self, _: &Progress) {}

    fn note(&mut self, sentence: &str) {
        complain(sentence);
    }

    fn close(&mut self) {}
}
