//! What the service hears: messages verified one by one, audio found in the source.

use crate::coverage::Kind;
use crate::link::Down;
use crate::service::Phase;
use crate::world::{Check, MS, World};
use aws_smithy_types::event_stream::Message;
use bytes::Bytes;
use ossicle_core::io::{StreamEnd, StreamId};

/// A message is refused when it is read this long after it was signed (service user guide).
pub(crate) const SIGNATURE_AGE_MS_MAX: i64 = 5 * 60_000;

/// Longest message of the wire's guide, with room for the envelope and base64.
const MESSAGE_BYTES_MAX: usize = 48 * 1024;

impl World {
    // ---- messages ----

    pub(crate) fn take(&mut self, stream: StreamId, bytes: Bytes, at: u64) -> Check {
        let Some(served) = self.service.streams.get_mut(&stream) else { return Ok(()) };
        if served.phase == Phase::Over || bytes.is_empty() {
            return Ok(());
        }
        if served.input_ended {
            return Err(format!("{stream:?} goes on after its END_STREAM"));
        }
        served.buffer.extend_from_slice(&bytes);
        let end = served.taken + served.buffer.len() as u64;
        served.writes.push_back((end, at));
        loop {
            let Some(served) = self.service.streams.get_mut(&stream) else { return Ok(()) };
            let Some(length) = served.buffer.first_chunk::<4>() else { return Ok(()) };
            let length = u32::from_be_bytes(*length) as usize;
            if !(16..=MESSAGE_BYTES_MAX).contains(&length) {
                return Err(format!("{stream:?}: a message of {length} bytes"));
            }
            if served.buffer.len() < length {
                return Ok(());
            }
            let raw = served.buffer.split_to(length).freeze();
            while served.writes.front().is_some_and(|(end, _)| *end <= served.taken) {
                served.writes.pop_front();
            }
            let wrote = served.writes.front().map_or(at, |(_, at)| *at);
            served.taken += length as u64;
            self.message(stream, raw, wrote).map_err(|what| format!("{stream:?}: {what}"))?;
        }
    }

    fn message(&mut self, stream: StreamId, raw: Bytes, wrote: u64) -> Check {
        let true_ms = self.true_ms();
        let now = self.now;
        let Some(served) = self.service.streams.get_mut(&stream) else { return Ok(()) };
        let verified = served.chain.read(raw)?;
        let date_ms = verified.date_ms;
        let age_ms = true_ms - date_ms;
        if served.phase == Phase::Accepted && age_ms.abs() >= SIGNATURE_AGE_MS_MAX {
            return Err(format!("a message was signed {age_ms} ms before it is read"));
        }
        // Signed when it was written, by one clock for the stream or by one from before and one from after its
        // answer.
        let clock = date_ms - (wrote / MS) as i64;
        let (low, high) = served.clocks.last().copied().unwrap_or((clock, clock + 999));
        let both = (low.max(clock), high.min(clock + 999));
        if both.0 > both.1 || served.clocks.is_empty() {
            served.clocks.push((clock, clock + 999));
            if served.clocks.len() > 2 {
                return Err("a message was not signed when it was written".into());
            }
        } else if let Some(last) = served.clocks.last_mut() {
            *last = both;
        }
        if date_ms.div_euclid(86_400_000) != served.day_of_begin {
            served.day_of_begin = date_ms.div_euclid(86_400_000);
            self.cover.reached(Kind::Midnight);
        }
        let Some(served) = self.service.streams.get_mut(&stream) else { return Ok(()) };
        if served.chain_ended {
            return Err("a message after the empty one".into());
        }
        let Some(inner) = verified.inner else {
            served.chain_ended = true;
            return served.listener.end(&self.apps[served.app].named);
        };
        let (kind, content) = names(&inner)?;
        let app = served.app;
        match (kind.as_str(), content.as_str()) {
            ("configurationEvent", "application/json") => {
                if std::mem::replace(&mut served.configured, true) {
                    return Err("a second configuration".into());
                }
                self.apps[app].check_configuration(inner.payload())
            }
            _ if !served.configured => Err(format!("{kind} comes before the configuration")),
            ("binaryAudioEvent", "application/octet-stream") if !self.apps[app].plan.json => {
                self.audio(stream, inner.payload(), wrote, now)
            }
            ("audioEvent", "application/json") if self.apps[app].plan.json => {
                let value: serde_json::Value =
                    serde_json::from_slice(inner.payload()).map_err(|_| "the audio is no JSON")?;
                let text = value.get("audioChunk").and_then(|chunk| chunk.as_str()).ok_or("no audioChunk")?;
                let audio = aws_smithy_types::base64::decode(text).map_err(|_| "the audio is no base64")?;
                self.audio(stream, &audio, wrote, now)
            }
            ("sessionControlEvent", "application/json") => {
                if inner.payload().as_ref() != br#"{"type":"END_OF_SESSION"}"# {
                    return Err("a control event that is not END_OF_SESSION".into());
                }
                if std::mem::replace(&mut served.end_of_session, true) {
                    return Err("a second END_OF_SESSION".into());
                }
                if !self.apps[app].asked_to_finish() {
                    return Err("END_OF_SESSION, and nobody asked to finish".into());
                }
                self.decided(stream)
            }
            _ => Err(format!("an event {kind} of {content}")),
        }
    }

    fn audio(&mut self, stream: StreamId, bytes: &[u8], wrote: u64, now: u64) -> Check {
        let Some(served) = self.service.streams.get_mut(&stream) else { return Ok(()) };
        if served.end_of_session {
            return Err("audio after END_OF_SESSION".into());
        }
        let pcm = served.decoder.decode(bytes)?;
        served.last_audio = now;
        let app = &mut self.apps[served.app];
        let frames = pcm.len() / usize::from(app.plan.channels);
        app.check_pace(stream, wrote, frames as u64, self.plan.catch_up_rate)?;
        let first_before = served.listener.first();
        served.listener.hear(&pcm, &app.named)?;
        if first_before.is_none()
            && let Some(first) = served.listener.first()
        {
            app.check_first(stream, first)?;
        }
        app.check_quiet(&served.listener)?;
        if served.phase == Phase::Accepted {
            app.pending = served.listener.pending_frames();
        }
        self.heard(stream);
        Ok(())
    }

    /// What an accepted stream carried is heard.
    pub(crate) fn heard(&mut self, stream: StreamId) {
        let Some(served) = self.service.streams.get(&stream) else { return };
        if served.phase != Phase::Accepted {
            return;
        }
        let app = &mut self.apps[served.app];
        let known = app.merged.entry(stream).or_insert(0);
        for heard in &served.listener.heard[known.saturating_sub(1)..] {
            if let Some(position) = heard.position {
                app.heard.insert(position, position + heard.frames);
            }
        }
        *known = served.listener.heard.len();
    }

    pub(crate) fn input_ends(&mut self, stream: StreamId) -> Check {
        let Some(served) = self.service.streams.get_mut(&stream) else { return Ok(()) };
        if served.phase == Phase::Over {
            return Ok(());
        }
        if !served.chain_ended || !served.buffer.is_empty() {
            return Err(format!("{stream:?} ends without the empty message"));
        }
        served.input_ended = true;
        self.heard(stream);
        self.decided(stream)
    }

    /// The service ends its side after the client has ended its own.
    pub(crate) fn end_response(&mut self, stream: StreamId) {
        let Some(served) = self.service.streams.get(&stream) else { return };
        if served.phase != Phase::Accepted {
            return;
        }
        let conn = served.conn;
        self.transcribe(stream, true);
        self.send_down(conn, Down::End(stream, StreamEnd::Clean));
        self.over(stream);
    }
}

fn names(message: &Message) -> Result<(String, String), String> {
    let get = |name: &str| {
        let found = message.headers().iter().find(|header| header.name().as_str() == name);
        let value = found.and_then(|header| header.value().as_string().ok());
        value.map(|text| text.as_str().to_owned()).ok_or_else(|| format!("an event without {name}"))
    };
    if get(":message-type")? != "event" {
        return Err("a message that is no event".into());
    }
    Ok((get(":event-type")?, get(":content-type")?))
}
