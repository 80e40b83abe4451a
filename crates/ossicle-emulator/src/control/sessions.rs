//! Listening sessions as REST sees them, and the artefacts of those that are completed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Store, epoch, join_uri, step_ms, write_artefact};
use crate::answer::ServiceError;
use crate::report::{SessionReport, SessionStatus};
use crate::rules::Configuration;
use crate::server::Shared;
use crate::session::{Session, Sessions};

/// Puts back the sessions that an earlier emulator kept on disk.
pub(crate) fn restore(store: &Store, sessions: &Sessions) {
    for (_, record) in store.all("session", "") {
        let Ok(mut report) = serde_json::from_value::<SessionReport>(record["report"].clone()) else {
            continue;
        };
        if report.status == SessionStatus::InProgress {
            report.status = SessionStatus::Paused;
        }
        let configuration = serde_json::from_value(record["configuration"].clone()).ok();
        sessions.restore(report, configuration);
    }
}

/// Keeps a session's report and configuration.
pub(crate) fn keep(store: &mut Store, session: &Session) {
    if !store.is_on_disk() {
        return;
    }
    let report = session.report();
    let record = json!({ "report": report, "configuration": session.configuration() });
    store.put("session", &report.session_id, record);
}

/// The artefacts of a completed session are made two steps later.
pub(crate) fn schedule(shared: &Arc<Shared>, session: &Arc<Session>) {
    if session.status() != SessionStatus::Completed || session.configuration().is_none() {
        return;
    }
    let (task_shared, session) = (Arc::clone(shared), Arc::clone(session));
    let delay = shared.config.job_step.saturating_mul(2);
    let mut stopped = shared.stopped.clone();
    shared.spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(delay) => write(&task_shared, &session),
            // What is not written yet is written when the session is next asked for.
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    });
}

pub(crate) fn get(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    let missing = || ServiceError::not_found("the session does not exist");
    let session = call.shared.sessions.get(call.text("sessionId")).ok_or_else(missing)?;
    let report = session.report();
    if report.domain_id != call.text("domainId") || report.subscription_id != call.text("subscriptionId") {
        return Err(missing());
    }
    let configuration = session.configuration();
    let result = configuration.as_ref().map(|configuration| {
        let phase = phase(&report, call.now_ms, call.step_ms());
        if phase == "COMPLETED" {
            write(call.shared, &session);
        }
        result(&report, configuration, phase, session.artefact_failure())
    });
    let configuration = configuration.as_ref();
    let settings = configuration.map(|configuration| {
        let codes = configuration.medical_codes.map(|enabled| json!({ "enabled": enabled }));
        json!({
            "outputS3Uri": configuration.output_s3_uri,
            "clinicalNoteGenerationSettings": { "noteTemplateSettings": configuration.template },
            "medicalCodeGenerationSettings": codes,
        })
    });
    let details = json!({
        "sessionId": report.session_id,
        "domainId": report.domain_id,
        "subscriptionId": report.subscription_id,
        "languageCode": report.language_code,
        "mediaSampleRateHertz": report.rate_hz,
        "mediaEncoding": report.encoding,
        "channelDefinitions": configuration.and_then(|configuration| configuration.channel_definitions.clone()),
        "postStreamActionSettings": settings,
        "postStreamActionResult": result,
        "encounterContextProvided": configuration.map(|c| c.context_provided || c.coding_context_provided),
        "medicalCodingContextProvided": configuration.map(|c| c.coding_context_provided),
        "streamStatus": report.status,
        "streamCreationTime": epoch(report.created_unix_ms),
        "streamEndTime": report.ended_unix_ms.map(epoch),
    });
    Ok(json!({ "medicalScribeListeningSessionDetails": details }))
}

/// Where the artefacts are: nothing begins before the session is completed.
fn phase(report: &SessionReport, now_ms: i64, step_ms: i64) -> &'static str {
    match (report.status, report.ended_unix_ms) {
        (SessionStatus::Completed, Some(_)) if report.frames == 0 => "SKIPPED",
        (SessionStatus::Completed, Some(ended_ms)) => {
            match if step_ms > 0 { (now_ms - ended_ms).max(0) / step_ms } else { 2 } {
                0 => "PENDING",
                1 => "IN_PROGRESS",
                _ => "COMPLETED",
            }
        }
        (SessionStatus::Failed, _) => "SKIPPED",
        _ => "PENDING",
    }
}

/// Files of a completed session, by the member of the result that names them.
const NOTES: [(&str, &str); 3] = [
    ("noteResult", "note.json"),
    ("transcriptResult", "transcript.json"),
    ("afterVisitSummaryResult", "after-visit-summary.json"),
];
const CODES: &str = "medical-codes.json";

fn artefact_uri(report: &SessionReport, configuration: &Configuration, file: &str) -> String {
    let SessionReport { domain_id, subscription_id, session_id, .. } = report;
    let key = format!(
        "health-agent-listening-session/{domain_id}/{subscription_id}/{session_id}/post-stream-action/{file}"
    );
    join_uri(&configuration.output_s3_uri, &key)
}

fn result(
    report: &SessionReport,
    configuration: &Configuration,
    phase: &str,
    failure: Option<String>,
) -> Value {
    let details = |file: &str| match (&failure, phase) {
        (Some(reason), "COMPLETED") => json!({ "status": "FAILED", "failureReason": reason }),
        (_, "COMPLETED") => {
            json!({ "status": phase, "outputLocation": artefact_uri(report, configuration, file) })
        }
        _ => json!({ "status": phase }),
    };
    let mut notes = json!({});
    for (member, file) in NOTES {
        notes[member] = details(file);
    }
    let codes = (configuration.medical_codes == Some(true)).then(|| {
        let job = (phase == "COMPLETED").then_some(&report.session_id);
        json!({ "medicalCodesResult": details(CODES), "jobId": job })
    });
    json!({ "clinicalNoteGenerationResult": notes, "medicalCodeGenerationResult": codes })
}

/// Writes the artefacts, once. They hold what is known of the session and say that nothing was recognised.
fn write(shared: &Shared, session: &Session) {
    let Some(configuration) = session.configuration() else { return };
    let report = session.report();
    let due = phase(&report, shared.config.clock.now_ms(), step_ms(shared)) == "COMPLETED";
    if !due || !session.begin_artefacts() {
        return;
    }
    let content = json!({
        "emulator": "nothing was recognised: this file stands for the service's own",
        "sessionId": report.session_id,
        "audioSeconds": report.frames as f64 / f64::from(report.rate_hz.max(1)),
        "template": configuration.template,
    });
    let codes = (configuration.medical_codes == Some(true)).then_some(CODES);
    for file in NOTES.iter().map(|(_, file)| *file).chain(codes) {
        if let Err(reason) = write_artefact(shared, &artefact_uri(&report, &configuration, file), &content) {
            session.fail_artefacts(reason);
        }
    }
}
