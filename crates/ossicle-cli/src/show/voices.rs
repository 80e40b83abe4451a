//! Who speaks on which channel.

use console::{Style, StyledObject};
use ossicle::model::stream::{Configuration, ParticipantRole};

/// The names of a session's channels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Voices {
    names: [Option<&'static str>; 2],
}

impl Voices {
    /// The names by a session's configuration.
    pub(crate) fn of(configuration: &Configuration) -> Self {
        let mut voices = Self::default();
        for definition in configuration.channel_definitions.iter().flatten() {
            let name = match definition.participant_role {
                ParticipantRole::Clinician => "Clinician",
                ParticipantRole::Patient => "Patient",
                _ => continue,
            };
            if let Some(slot) =
                usize::try_from(definition.channel_id).ok().and_then(|at| voices.names.get_mut(at))
            {
                *slot = Some(name);
            }
        }
        voices
    }

    /// The number of a channel that the service names, such as `ch_1`.
    pub(crate) fn number(channel: Option<&str>) -> usize {
        let digits = channel.and_then(|name| name.strip_prefix("ch_"));
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// The name of a channel.
    pub(crate) fn name(&self, channel: usize) -> &'static str {
        self.names.get(channel).copied().flatten().unwrap_or(match channel {
            0 => "Speaker",
            _ => "Speaker 2",
        })
    }

    /// A text in the channel's colour.
    pub(crate) fn paint<T>(channel: usize, text: T) -> StyledObject<T> {
        let style = Style::new().for_stdout().bold();
        match channel {
            0 => style.cyan().apply_to(text),
            _ => style.green().apply_to(text),
        }
    }
}
