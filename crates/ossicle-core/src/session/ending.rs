//! How a stream comes to its end: what its end waits for, and what the end of the response proves.

use super::link::REFUSED_STREAM;
use crate::event::Ended;
use crate::failure::{Cause, Failure, Status};
use crate::io::StreamEnd;
use crate::planted::{Bug, has};
use crate::pool::Pool;
use crate::refusal::Verdict;
use crate::session::{Goal, Life, Link, Session};
use crate::shared::Shared;
use crate::stream::{Closing, NextUp, Stream};
use crate::time::Mono;

/// Whether the stream's end has to wait for a PING. The last messages go in one piece with the PING behind them, so
/// none may be under way before the first of them; END_STREAM goes behind that PING.
pub(super) fn end_waits(stream: &Stream, shared: &mut Shared, pool: &mut Pool, now: Mono) -> bool {
    if !pool.pings() {
        return false;
    }
    match stream.next {
        NextUp::Tail => pool.get(stream.conn).is_some_and(|conn| conn.is_pinging()),
        NextUp::Finish if !stream.last_ping_left() => {
            if stream.all_left() {
                pool.ping_now(stream.conn, now, &mut shared.out);
            }
            true
        }
        _ => false,
    }
}

impl Session {
    /// Whether the stream's last messages are on their way: what happens to a PING may be what its end waits for.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(&self.link, Link::Up(stream) if matches!(stream.next, NextUp::Tail | NextUp::Finish))
    }

    /// The response ended.
    pub(crate) fn stream_ended(
        &mut self,
        end: StreamEnd,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        let Link::Up(stream) = &mut self.link else { return Life::Goes };
        if stream.refusal.is_some() {
            return self.refused(shared, pool, now);
        }
        let ours = stream.finished_at.is_some();
        match end {
            StreamEnd::Clean if stream.decoder.finish().is_err() => {
                let failure = Failure { status: Status::Corrupt, cause: Cause::Garbage, request_id: None };
                self.lose(failure, Verdict::Outage { after_ms: None }, true, shared, pool, now)
            }
            // The end overtook the PONG that was ahead of any answer to our END_STREAM: the service ended by itself,
            // before it had all.
            StreamEnd::Clean | StreamEnd::Reset(0)
                if ours
                    && stream.accepted
                    && (stream.all_arrived() || !pool.pings() || has(Bug::EndBeforePong)) =>
            {
                self.ended(shared, pool, now)
            }
            StreamEnd::Clean => {
                let failure = Failure { status: Status::Lost, cause: Cause::EndedEarly, request_id: None };
                self.lose(failure, Verdict::Outage { after_ms: None }, true, shared, pool, now)
            }
            StreamEnd::Reset(code) => {
                let conn = stream.conn;
                let failure =
                    Failure { status: Status::Lost, cause: Cause::Reset { code }, request_id: None };
                let life = self.lose(failure, Verdict::Outage { after_ms: None }, false, shared, pool, now);
                if code == REFUSED_STREAM {
                    pool.refused_stream(conn);
                }
                life
            }
        }
    }

    /// The stream ended as we wanted: all that it carried is delivered.
    fn ended(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) -> Life {
        let Link::Up(stream) = &self.link else { return Life::Goes };
        let closing = stream.closing;
        self.held.deliver(self.held.sent());
        self.backoff.reset();
        // A ghost stays one: a request of an older stream may still be undecided.
        self.drop_stream(shared, pool, now);
        match (self.goal, closing) {
            (_, Some(Closing::End)) => self.close(Ended::Finished, None, shared, pool, now),
            (Goal::Pause, _) if self.held.undelivered() == 0 => {
                self.paused(shared);
                Life::Goes
            }
            _ => {
                self.wait_for_stream(pool);
                Life::Goes
            }
        }
    }
}
