//! With every log target of this process at TRACE and the library's own log on, nobody says audio, transcripts, context
//! or keys through the C interface.

#[path = "../../ossicle-cli/tests/common/witness.rs"]
mod witness;

use std::ffi::{CStr, CString, c_void};
use std::ptr;
use std::time::{Duration, Instant};

use ossicle_capi::*;
use witness::Secrets;

const SECRET: &CStr = c"canary+SECRET/key/0123456789/abcdefghijk";
const TOKEN: &CStr = c"canary-TOKEN-0123456789abcdefghijklmnopq==";
const SPOKEN: &str = "the canary has sung since Tuesday";
const CONTEXT: &str = "the canary moulted in spring, allergic to millet";
const PATIENCE: Duration = Duration::from_secs(60);

fn noise(frames: usize) -> Vec<i16> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 48) as u16 as i16
    };
    (0..frames).map(|_| next()).collect()
}

fn text(pointer: *const std::ffi::c_char) -> String {
    // SAFETY: the library gives strings that end with a zero and live to the next poll.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// One session over a loopback engine, from its opening to its end. Returns what was transcribed.
fn visit(audio: &[i16]) -> String {
    let script = CString::new(format!(
        r#"{{"segments": [{{"channel": 0, "begin_s": 0.2, "end_s": 1.2, "text": "{SPOKEN}"}}]}}"#
    ))
    .unwrap();
    let configuration = CString::new(format!(
        r#"{{"postStreamActionSettings": {{"outputS3Uri": "s3://bucket/out/", "clinicalNoteGenerationSettings":
            {{"noteTemplateSettings": {{"managedTemplate": {{"templateType": "HISTORY_AND_PHYSICAL"}}}}}}}},
            "encounterContext": {{"unstructuredContext": "{CONTEXT}"}}}}"#
    ))
    .unwrap();
    let mut transcript = String::new();
    // SAFETY: every struct is initialised by its own function and outlives the calls that it is given to; strings end
    // with a zero; what events point to is read before the next poll.
    unsafe {
        let mut config = std::mem::zeroed::<ossicle_engine_config>();
        ossicle_engine_config_init(&raw mut config, size_of::<ossicle_engine_config>() as u32);
        config.loopback = 1;
        config.log_level = OSSICLE_LOG_INFO;
        config.loopback_script = script.as_ptr();
        let mut engine = ptr::null_mut();
        assert_eq!(ossicle_engine_create(&raw const config, &raw mut engine, ptr::null_mut()), OSSICLE_OK);
        let mut settings = std::mem::zeroed::<ossicle_session_config>();
        ossicle_session_config_init(&raw mut settings, size_of::<ossicle_session_config>() as u32);
        settings.configuration = configuration.as_ptr();
        let mut session = ptr::null_mut();
        let created = ossicle_session_create(engine, &raw const settings, &raw mut session, ptr::null_mut());
        assert_eq!(created, OSSICLE_OK);
        let begun = Instant::now();
        let (mut at, mut closed, mut finishing) = (0, false, false);
        let mut event = std::mem::zeroed::<ossicle_event>();
        event.struct_size = size_of::<ossicle_event>() as u32;
        while !closed {
            assert!(begun.elapsed() < PATIENCE, "the session ends in time");
            let due = ((begun.elapsed().as_secs_f64() * 16_000.0) as usize).min(audio.len());
            if due > at {
                let frames = audio[at..due].as_ptr().cast::<c_void>();
                let pushed = ossicle_session_push(session, frames, (due - at) as u32, 0, ptr::null_mut());
                assert_eq!(pushed, OSSICLE_OK);
                at = due;
            } else if at == audio.len() && !finishing {
                finishing = true;
                // Keys for the next stream, which will not come.
                let set = ossicle_engine_set_keys(
                    engine,
                    c"AKIDCANARY".as_ptr(),
                    SECRET.as_ptr(),
                    TOKEN.as_ptr(),
                    0,
                );
                witness::hear(format!("keys: {set}"));
                assert_eq!(ossicle_session_finish(session), OSSICLE_OK);
            }
            if ossicle_engine_poll(engine, &raw mut event, 20) != OSSICLE_OK {
                continue;
            }
            witness::hear(text(event.message));
            match event.kind {
                OSSICLE_EVENT_TRANSCRIPT => transcript = text((*event.transcript).text),
                // A transcript is a result for the application. Everything else may be logged by it.
                _ => witness::hear(text(event.json)),
            }
            closed = event.kind == OSSICLE_EVENT_CLOSED;
        }
        assert_eq!(event.status, OSSICLE_OK);
        ossicle_session_destroy(session);
        ossicle_engine_destroy(engine);
    }
    transcript
}

#[test]
fn nobody_says_what_nobody_may_say() {
    witness::listen();
    witness::assert_awake();
    let audio = noise(32_000);
    assert_eq!(visit(&audio), SPOKEN);
    assert!(witness::has_heard_from("h2"), "h2 is silent: the witness does not hear it");
    Secrets::default()
        .audio(&audio)
        .bytes("the secret key", SECRET.to_bytes())
        .bytes("the token", TOKEN.to_bytes())
        .bytes("what was spoken", SPOKEN.as_bytes())
        .bytes("the encounter's context", CONTEXT.as_bytes())
        .assert_unsaid();
}
