//! Waiting for what takes time: jobs, datasets and the documents of a session.

use std::time::Duration;

use ossicle_model::rest::*;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::limits::{POLL_FIRST, POLL_MAX, WAIT_TIMEOUT_DEFAULT};

/// How a waiter polls. The delay between two polls is random, from the first delay up to a bound that doubles.
#[derive(Debug, Clone, Copy)]
pub struct WaitSettings {
    /// The first delay, and the least. Default 1 s.
    pub poll_first: Duration,
    /// The longest delay. Default 15 s.
    pub poll_max: Duration,
    /// How long to wait in all. Default 30 minutes.
    pub timeout: Duration,
}

impl Default for WaitSettings {
    fn default() -> Self {
        Self { poll_first: POLL_FIRST, poll_max: POLL_MAX, timeout: WAIT_TIMEOUT_DEFAULT }
    }
}

/// How a wait is going.
#[derive(Debug)]
#[non_exhaustive]
pub struct Progress<'a, T> {
    /// How often the service was asked.
    pub polls: u32,
    /// How long the wait takes so far.
    pub waited: Duration,
    /// What the service said last; nothing when the poll failed in passing.
    pub latest: Option<&'a T>,
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "what was waited for may have failed"]
pub enum Finished<T> {
    /// It is done.
    Succeeded(T),
    /// It failed, or a part of it did.
    Failed(T),
}

impl<T> Finished<T> {
    /// What the service said last.
    pub fn into_inner(self) -> T {
        match self {
            Self::Succeeded(output) | Self::Failed(output) => output,
        }
    }

    /// Whether it is done without a failure.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded(_))
    }
}

/// A wait did not come to an end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// Polling failed.
    #[error(transparent)]
    Call(#[from] Error),
    /// It is not done in time. It may still be later.
    #[error("not done within {} s, asked {polls} times", waited.as_secs())]
    TimedOut {
        /// How often the service was asked.
        polls: u32,
        /// How long the wait took.
        waited: Duration,
        /// The last failure in passing, if the last poll had one.
        #[source]
        last: Option<Box<Error>>,
    },
}

/// What one answer means for a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Wait,
    Succeeded,
    Failed,
}

impl Client {
    /// Waits until a patient insights job succeeded or failed.
    ///
    /// # Errors
    /// [`WaitError`] when polling fails for good or the time is over.
    pub async fn wait_for_patient_insights_job(
        &self,
        input: GetPatientInsightsJobInput,
        settings: &WaitSettings,
        progress: impl FnMut(Progress<'_, GetPatientInsightsJobOutput>) + Send,
    ) -> Result<Finished<GetPatientInsightsJobOutput>, WaitError> {
        self.wait(input, settings, progress, |job| job_verdict(&job.job_status)).await
    }

    /// Waits until a medical coding job succeeded or failed.
    ///
    /// # Errors
    /// [`WaitError`] when polling fails for good or the time is over.
    pub async fn wait_for_medical_coding_job(
        &self,
        input: GetMedicalCodingJobInput,
        settings: &WaitSettings,
        progress: impl FnMut(Progress<'_, GetMedicalCodingJobOutput>) + Send,
    ) -> Result<Finished<GetMedicalCodingJobOutput>, WaitError> {
        self.wait(input, settings, progress, |job| job_verdict(&job.job_status)).await
    }

    /// Waits until a dataset is active or could not be made.
    ///
    /// # Errors
    /// [`WaitError`] when polling fails for good or the time is over.
    pub async fn wait_for_dataset(
        &self,
        input: GetDatasetInput,
        settings: &WaitSettings,
        progress: impl FnMut(Progress<'_, GetDatasetOutput>) + Send,
    ) -> Result<Finished<GetDatasetOutput>, WaitError> {
        let verdict = |dataset: &GetDatasetOutput| match dataset.status {
            DatasetStatus::Active => Verdict::Succeeded,
            DatasetStatus::Creating | DatasetStatus::Unknown(_) => Verdict::Wait,
            _ => Verdict::Failed,
        };
        self.wait(input, settings, progress, verdict).await
    }

    /// Waits until a dataset is gone (nothing is given), or could not be deleted (the dataset is given).
    ///
    /// # Errors
    /// [`WaitError`] when polling fails for good or the time is over.
    pub async fn wait_for_dataset_deletion(
        &self,
        input: GetDatasetInput,
        settings: &WaitSettings,
        progress: impl FnMut(Progress<'_, GetDatasetOutput>) + Send,
    ) -> Result<Finished<Option<GetDatasetOutput>>, WaitError> {
        let verdict = |dataset: &GetDatasetOutput| match dataset.status {
            DatasetStatus::Deleted => Verdict::Succeeded,
            DatasetStatus::DeleteFailed => Verdict::Failed,
            _ => Verdict::Wait,
        };
        match self.wait(input, settings, progress, verdict).await {
            Ok(Finished::Failed(dataset)) => Ok(Finished::Failed(Some(dataset))),
            Ok(Finished::Succeeded(_)) => Ok(Finished::Succeeded(None)),
            // A dataset that is gone is not found.
            Err(WaitError::Call(error)) if error.kind() == Some(ErrorKind::NotFound) => {
                Ok(Finished::Succeeded(None))
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until each document of a session is completed, failed or skipped. A session that is still in progress or
    /// paused is waited for, too. A session that failed, or one with a document that failed, is a failure.
    ///
    /// # Errors
    /// [`WaitError`] when polling fails for good or the time is over.
    pub async fn wait_for_session_documents(
        &self,
        input: GetMedicalScribeListeningSessionInput,
        settings: &WaitSettings,
        progress: impl FnMut(Progress<'_, GetMedicalScribeListeningSessionOutput>) + Send,
    ) -> Result<Finished<GetMedicalScribeListeningSessionOutput>, WaitError> {
        let verdict = |output: &GetMedicalScribeListeningSessionOutput| {
            output.medical_scribe_listening_session_details.as_ref().map_or(Verdict::Wait, session_verdict)
        };
        self.wait(input, settings, progress, verdict).await
    }

    async fn wait<I: Request + Clone>(
        &self,
        input: I,
        settings: &WaitSettings,
        mut progress: impl FnMut(Progress<'_, I::Output>),
        verdict: impl Fn(&I::Output) -> Verdict,
    ) -> Result<Finished<I::Output>, WaitError> {
        let began = Instant::now();
        let mut bound = settings.poll_first;
        for polls in 1.. {
            let last = match self.call(input.clone()).await {
                Ok(output) => {
                    progress(Progress { polls, waited: began.elapsed(), latest: Some(&output) });
                    match verdict(&output) {
                        Verdict::Succeeded => return Ok(Finished::Succeeded(output)),
                        Verdict::Failed => return Ok(Finished::Failed(output)),
                        Verdict::Wait => None,
                    }
                }
                Err(error) if error.is_retryable() => {
                    progress(Progress { polls, waited: began.elapsed(), latest: None });
                    Some(Box::new(error))
                }
                Err(error) => return Err(error.into()),
            };
            let spread = bound.saturating_sub(settings.poll_first);
            let delay = settings.poll_first + spread.mul_f64(self.surroundings().unit());
            let waited = began.elapsed();
            if waited + delay > settings.timeout {
                return Err(WaitError::TimedOut { polls, waited, last });
            }
            sleep(delay).await;
            bound = (bound * 2).clamp(settings.poll_first, settings.poll_max.max(settings.poll_first));
        }
        unreachable!("a poll is the last one, or there is another")
    }
}

fn job_verdict(status: &JobStatus) -> Verdict {
    match status {
        JobStatus::Succeeded => Verdict::Succeeded,
        JobStatus::Failed => Verdict::Failed,
        _ => Verdict::Wait,
    }
}

/// The documents of a session by name, in the service's order; those that it does not report are left out.
pub fn session_documents(details: &ListeningSessionDetails) -> Vec<(&'static str, &ArtifactDetails)> {
    let Some(result) = &details.post_stream_action_result else { return Vec::new() };
    let notes = result.clinical_note_generation_result.as_ref();
    let codes = result.medical_code_generation_result.as_ref();
    let documents = [
        ("note", notes.and_then(|notes| notes.note_result.as_ref())),
        ("transcript", notes.and_then(|notes| notes.transcript_result.as_ref())),
        ("after-visit summary", notes.and_then(|notes| notes.after_visit_summary_result.as_ref())),
        ("medical codes", codes.and_then(|codes| codes.medical_codes_result.as_ref())),
    ];
    documents.into_iter().filter_map(|(name, document)| document.map(|document| (name, document))).collect()
}

fn session_verdict(details: &ListeningSessionDetails) -> Verdict {
    match details.stream_status {
        Some(StreamStatus::Failed) => return Verdict::Failed,
        Some(StreamStatus::Completed) => {}
        _ => return Verdict::Wait,
    }
    let documents = session_documents(details);
    let settings = details.post_stream_action_settings.as_ref();
    let codes = settings.and_then(|settings| settings.medical_code_generation_settings.as_ref());
    // The result may appear after the session's end, and the codes after the note.
    let codes_expected = codes.and_then(|codes| codes.enabled).unwrap_or(false);
    let codes_reported = documents.iter().any(|(name, _)| *name == "medical codes");
    if documents.is_empty() || (codes_expected && !codes_reported) {
        return Verdict::Wait;
    }
    let statuses = || documents.iter().map(|(_, document)| document.status.as_ref());
    let is_final = |status: Option<&ArtifactStatus>| {
        matches!(status, Some(ArtifactStatus::Completed | ArtifactStatus::Failed | ArtifactStatus::Skipped))
    };
    if !statuses().all(is_final) {
        Verdict::Wait
    } else if statuses().any(|status| status == Some(&ArtifactStatus::Failed)) {
        Verdict::Failed
    } else {
        Verdict::Succeeded
    }
}
