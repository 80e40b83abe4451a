//! The microphone, over cpal. Its callback pushes straight into the tap.

use std::sync::{Arc, Mutex, PoisonError};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Device, ErrorKind, SampleFormat, SizedSample, SupportedStreamConfig};
use ossicle::audio::{Format, Layout, SampleType, Tap};
use tokio::sync::oneshot;

use crate::fault::{Fault, Outcome};
use crate::pump::PumpEnd;
use crate::show::print;

/// A microphone that is chosen and not yet open.
pub(crate) struct Microphone {
    device: Device,
    config: SupportedStreamConfig,
    format: Format,
}

/// A microphone that records.
pub(crate) struct Recording {
    /// Dropped to stop.
    stream: Option<cpal::Stream>,
    failed: oneshot::Receiver<String>,
}

impl Microphone {
    /// Chooses a device by its name, or the system's default, and a format that it has.
    pub(crate) fn choose(name: Option<&str>, rate_hz: Option<u32>, channels: Option<u8>) -> Outcome<Self> {
        let host = cpal::default_host();
        let device = match name {
            None => host.default_input_device().ok_or_else(|| {
                Fault::input("this machine has no microphone: connect one, and see it with --list-devices")
            })?,
            Some(name) => host
                .input_devices()
                .ok()
                .and_then(|mut devices| devices.find(|device| name_of(device) == name))
                .ok_or_else(|| Fault::usage("there is no microphone of that name: see --list-devices"))?,
        };
        let config = match (rate_hz, channels) {
            (None, None) => device.default_input_config().map_err(|error| refused(error.kind()))?,
            _ => matching(&device, rate_hz, channels)?,
        };
        let sample = match config.sample_format() {
            SampleFormat::I16 => SampleType::S16,
            SampleFormat::I32 => SampleType::S32,
            SampleFormat::F32 => SampleType::F32,
            other => {
                return Err(Fault::input(format!(
                    "the microphone gives samples as {other}, which cannot be taken: choose another with --device"
                )));
            }
        };
        let channels = u8::try_from(config.channels()).unwrap_or(u8::MAX);
        let format = Format::new(sample, Layout::Interleaved, config.sample_rate(), channels)
            .map_err(|error| Fault::input(format!("the microphone cannot be used: {error}")))?;
        Ok(Self { device, config, format })
    }

    /// What it gives.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Begins to record into a tap.
    pub(crate) fn record(self, tap: Tap) -> Outcome<Recording> {
        let (tell, failed) = oneshot::channel();
        // What did not fit is counted by the tap, and the samples are of its type by the choice above.
        let stream = match self.format.sample() {
            SampleType::S16 => self.build(tap, tell, |tap, samples: &[i16]| {
                let _ = tap.push_i16(samples, None);
            }),
            SampleType::F32 => self.build(tap, tell, |tap, samples: &[f32]| {
                let _ = tap.push_f32(samples, None);
            }),
            _ => self.build(tap, tell, |tap, samples: &[i32]| {
                let _ = tap.push_i32(samples, None);
            }),
        }?;
        stream.play().map_err(|error| refused(error.kind()))?;
        Ok(Recording { stream: Some(stream), failed })
    }

    fn build<T: SizedSample>(
        &self,
        mut tap: Tap,
        tell: oneshot::Sender<String>,
        push: impl Fn(&mut Tap, &[T]) + Send + 'static,
    ) -> Outcome<cpal::Stream> {
        let tell = Arc::new(Mutex::new(Some(tell)));
        let on_error = move |error: cpal::Error| {
            if is_over(error.kind())
                && let Some(tell) = tell.lock().unwrap_or_else(PoisonError::into_inner).take()
            {
                // Nobody listens any more when the command ends anyway.
                let _ = tell.send("the microphone is gone: connect it again".into());
            }
        };
        let on_data = move |samples: &[T], _: &cpal::InputCallbackInfo| push(&mut tap, samples);
        self.device
            .build_input_stream(self.config.config(), on_data, on_error, None)
            .map_err(|error| refused(error.kind()))
    }
}

impl Recording {
    /// Stops at once. All that was captured is in the ring.
    pub(crate) fn stop(&mut self) {
        self.stream = None;
    }

    /// Waits for its end. Cancelling this loses nothing.
    pub(crate) async fn ended(&mut self) -> PumpEnd {
        if self.stream.is_none() {
            return PumpEnd::Stopped;
        }
        match (&mut self.failed).await {
            Ok(sentence) => PumpEnd::Broken(sentence),
            Err(_) => PumpEnd::Stopped,
        }
    }
}

/// Prints the names of all microphones, the default one first.
pub(crate) fn list() -> Outcome {
    let host = cpal::default_host();
    let default = host.default_input_device().map(|device| name_of(&device));
    let devices = host.input_devices().map_err(|error| refused(error.kind()))?;
    let mut names: Vec<String> = devices.map(|device| name_of(&device)).collect();
    names.sort_by_key(|name| (Some(name) != default.as_ref(), name.clone()));
    names.dedup();
    if names.is_empty() {
        return Err(Fault::input("this machine has no microphone: connect one"));
    }
    print(&names.join("\n"));
    Ok(())
}

fn name_of(device: &Device) -> String {
    device.description().map_or_else(|_| "unknown".to_owned(), |about| about.name().to_owned())
}

fn matching(device: &Device, rate_hz: Option<u32>, channels: Option<u8>) -> Outcome<SupportedStreamConfig> {
    let usable = [SampleFormat::F32, SampleFormat::I32, SampleFormat::I16];
    let configs = device.supported_input_configs().map_err(|error| refused(error.kind()))?;
    let fitting = configs.filter(|config| {
        usable.contains(&config.sample_format())
            && channels.is_none_or(|channels| config.channels() == u16::from(channels))
            && rate_hz.is_none_or(|rate_hz| config.contains_rate(rate_hz))
    });
    // The plainest that fits: fewest channels, then the rate asked for or the highest.
    let best = fitting.min_by_key(|config| config.channels());
    let best = best.map(|config| match rate_hz {
        Some(rate_hz) => config.with_sample_rate(rate_hz),
        None => config.with_max_sample_rate(),
    });
    best.ok_or_else(|| {
        Fault::usage(
            "the microphone does not have this --rate and --channels: leave them out to take its own",
        )
    })
}

fn is_over(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated)
}

fn refused(kind: ErrorKind) -> Fault {
    Fault::input(match kind {
        ErrorKind::DeviceBusy => "the microphone is in use by another program: close that one",
        ErrorKind::PermissionDenied => {
            "this program may not record: allow it in the system's privacy settings"
        }
        ErrorKind::HostUnavailable => "the system's audio service does not run: start it",
        ErrorKind::DeviceNotAvailable => {
            "there is no microphone that can be opened: connect one, and see it with --list-devices"
        }
        _ => "the microphone cannot be used: choose another with --device, see --list-devices",
    })
}
