//! The configuration of a session: the first event of each stream.

use serde_json::Value;

use crate::context;
use crate::invalid::{Invalid, Rule};
use crate::limits::{
    ENCOUNTER_CONTEXT_BYTES_MAX, ENCOUNTER_DATE_DAYS_AHEAD_MAX, TEMPLATE_INSTRUCTION_BYTES_MAX,
};
use crate::scalars::*;
use crate::shape::Shaped;
use crate::times::Date;
use crate::validate::{self, Strictness};

structure! {
    /// The `configurationEvent`. Sent once, first; on a resume it is sent first again, with the same contents.
    Configuration = "MedicalScribeConfigurationEvent" {
        /// What is made of the session after its end.
        required post_stream_action_settings: PostStreamActionSettings
            = "postStreamActionSettings", PostStreamActionSettings::SHAPE;
        /// Who speaks on which channel: exactly two entries, or absent for one channel.
        optional channel_definitions: Vec<ChannelDefinition> = "channelDefinitions", &CHANNEL_DEFINITIONS;
        /// What is known about the encounter.
        optional encounter_context: EncounterContext = "encounterContext", EncounterContext::SHAPE;
    }
}

structure! {
    /// What is made of a session after its end.
    PostStreamActionSettings = "MedicalScribePostStreamActionSettings" {
        /// The folder in S3 under which the results lie.
        required output_s3_uri: String = "outputS3Uri", &S3_URI;
        /// How the clinical note is made.
        required clinical_note_generation_settings: ClinicalNoteGenerationSettings
            = "clinicalNoteGenerationSettings", ClinicalNoteGenerationSettings::SHAPE;
        /// Whether medical codes are made.
        optional medical_code_generation_settings: MedicalCodeGenerationSettings
            = "medicalCodeGenerationSettings", MedicalCodeGenerationSettings::SHAPE;
    }
}

structure! {
    /// How the clinical note is made.
    ClinicalNoteGenerationSettings = "ClinicalNoteGenerationSettings" {
        /// The note's template.
        required note_template_settings: NoteTemplateSettings
            = "noteTemplateSettings", NoteTemplateSettings::SHAPE;
    }
}

union! {
    /// The template of a clinical note.
    NoteTemplateSettings = "NoteTemplateSettings" {
        /// A template of the service.
        ManagedTemplate(ManagedTemplate) = "managedTemplate", ManagedTemplate::SHAPE;
        /// A template with instructions of one's own.
        CustomTemplate(CustomTemplate) = "customTemplate", CustomTemplate::SHAPE;
    }
}

structure! {
    /// A template of the service.
    ManagedTemplate = "ManagedTemplate" {
        /// Which one.
        required template_type: ManagedNoteTemplate = "templateType", ManagedNoteTemplate::SHAPE;
    }
}

enumeration! {
    /// The templates of the service.
    ManagedNoteTemplate = "ManagedNoteTemplate" {
        /// History and physical.
        HistoryAndPhysical = "HISTORY_AND_PHYSICAL",
        /// Goal, intervention, response, progress, plan.
        Girpp = "GIRPP",
        /// Data, assessment, plan.
        Dap = "DAP",
        /// Situation, intervention, response, plan.
        Sirp = "SIRP",
        /// Behaviour, intervention, response, plan.
        Birp = "BIRP",
        /// Subjective, objective, assessment, plan, for behavioural health.
        BehavioralSoap = "BEHAVIORAL_SOAP",
        /// Subjective, objective, assessment, plan, for physical health; cannot be customised.
        PhysicalSoap = "PHYSICAL_SOAP",
    }
}

structure! {
    /// A template with instructions of one's own.
    CustomTemplate = "CustomTemplate" {
        /// The template that it builds on.
        required template_type: CustomTemplateBase = "templateType", CustomTemplateBase::SHAPE;
        /// The sections, 1 to 20, 15 KB of instructions in all.
        required template_instructions: Vec<TemplateSectionInstruction>
            = "templateInstructions", &TEMPLATE_INSTRUCTIONS;
    }
}

enumeration! {
    /// The templates that can be customised.
    CustomTemplateBase = "CustomTemplateBase" {
        /// History and physical.
        HistoryAndPhysical = "HISTORY_AND_PHYSICAL",
        /// Goal, intervention, response, progress, plan.
        Girpp = "GIRPP",
        /// Data, assessment, plan.
        Dap = "DAP",
        /// Situation, intervention, response, plan.
        Sirp = "SIRP",
        /// Behaviour, intervention, response, plan.
        Birp = "BIRP",
        /// Subjective, objective, assessment, plan, for behavioural health.
        BehavioralSoap = "BEHAVIORAL_SOAP",
    }
}

structure! {
    /// One section of a template.
    TemplateSectionInstruction = "TemplateSectionInstruction" {
        /// The section's header: letters, digits and underscores.
        required section_header: String = "sectionHeader", &SECTION_HEADER;
        /// What the section shall hold.
        required section_instruction: String = "sectionInstruction", &SENSITIVE_MARKDOWN;
    }
}

structure! {
    /// Whether medical codes are made of the session.
    MedicalCodeGenerationSettings = "MedicalCodeGenerationSettings" {
        /// Whether they are.
        required enabled: bool = "enabled", &BOOLEAN;
    }
}

structure! {
    /// Who speaks on a channel.
    ChannelDefinition = "MedicalScribeChannelDefinition" {
        /// The channel, 0 or 1.
        required channel_id: i32 = "channelId", &CHANNEL_ID;
        /// Who speaks on it.
        required participant_role: ParticipantRole = "participantRole", ParticipantRole::SHAPE;
    }
}

enumeration! {
    /// Who speaks on a channel.
    ParticipantRole = "MedicalScribeParticipantRole" {
        /// The patient.
        Patient = "PATIENT",
        /// The clinician.
        Clinician = "CLINICIAN",
    }
}

structure! {
    /// What is known about the encounter. Health information: it is never formatted.
    EncounterContext = "EncounterContext" sensitive {
        /// Free text of at most 20,480 bytes, of the characters that the service takes.
        optional unstructured_context: String = "unstructuredContext", &SENSITIVE_MARKDOWN;
        /// What medical coding needs; only with medical codes enabled.
        optional medical_coding_context: MedicalCodingContext = "medicalCodingContext", MedicalCodingContext::SHAPE;
    }
}

structure! {
    /// What medical coding needs to know. Health information: it is never formatted.
    MedicalCodingContext = "MedicalCodingContext" sensitive {
        /// The patient's sex.
        optional sex: Sex = "sex", Sex::SHAPE;
        /// Whether the patient is new.
        optional status: PatientStatus = "status", PatientStatus::SHAPE;
        /// The patient's date of birth, `YYYY-MM-DD`, not in the future.
        optional date_of_birth: String = "dateOfBirth", &SENSITIVE_DATE;
        /// How they met.
        optional encounter_type: EncounterType = "encounterType", EncounterType::SHAPE;
        /// Why the patient came.
        optional encounter_reason: String = "encounterReason", &CODING_CONTEXT_REASON;
        /// Whether it was after hours.
        optional after_hours: bool = "afterHours", &BOOLEAN;
        /// The encounter's date, `YYYY-MM-DD`, at most one day in the future.
        optional encounter_date: String = "encounterDate", &SENSITIVE_DATE;
    }
}

enumeration! {
    /// A patient's sex.
    Sex = "Sex" sensitive {
        /// Male.
        Male = "MALE",
        /// Female.
        Female = "FEMALE",
        /// Non-binary.
        NonBinary = "NON_BINARY",
        /// Not known: the service's own value.
        NotKnown = "UNKNOWN",
    }
}

enumeration! {
    /// Whether a patient is new.
    PatientStatus = "PatientStatus" sensitive {
        /// New.
        New = "NEW",
        /// Established.
        Established = "ESTABLISHED",
    }
}

enumeration! {
    /// How patient and clinician met.
    EncounterType = "EncounterType" {
        /// At a distance.
        Telehealth = "TELEHEALTH",
        /// In person.
        InPerson = "IN_PERSON",
    }
}

scalars! {
    /// The two channels.
    CHANNEL_DEFINITIONS = "MedicalScribeChannelDefinitions": list(ChannelDefinition::SHAPE, 2, 2);
    /// A template's sections.
    TEMPLATE_INSTRUCTIONS = "TemplateInstructions": list(TemplateSectionInstruction::SHAPE, 1, 20);
}

impl Configuration {
    /// The plainest configuration: a history and physical from one channel, with nothing known beforehand.
    pub fn history_and_physical(output_s3_uri: impl Into<String>) -> Self {
        Self::managed(ManagedNoteTemplate::HistoryAndPhysical, output_s3_uri)
    }

    /// A configuration with a template of the service.
    pub fn managed(template_type: ManagedNoteTemplate, output_s3_uri: impl Into<String>) -> Self {
        Self {
            post_stream_action_settings: PostStreamActionSettings {
                output_s3_uri: output_s3_uri.into(),
                clinical_note_generation_settings: ClinicalNoteGenerationSettings {
                    note_template_settings: NoteTemplateSettings::ManagedTemplate(ManagedTemplate {
                        template_type,
                    }),
                },
                medical_code_generation_settings: None,
            },
            channel_definitions: None,
            encounter_context: None,
        }
    }

    /// Reads a configuration that a person wrote.
    ///
    /// # Errors
    /// [`Invalid`] when the bytes are not JSON, and for a member that is unknown, missing, of the wrong type or
    /// outside of its limits, with its path.
    pub fn from_json(json: &[u8]) -> Result<Self, Invalid> {
        let not_json = |error: serde_json::Error| {
            Invalid::new("", Rule::NotJson { line: error.line(), column: error.column() })
        };
        let document: Value = serde_json::from_slice(json).map_err(not_json)?;
        validate::value(&document, Self::SHAPE, Strictness::Written)?;
        serde_json::from_value(document).map_err(not_json)
    }

    /// The configuration as compact JSON with its members in the model's order: the payload of the
    /// `configurationEvent`.
    pub fn to_json(&self) -> Vec<u8> {
        // Keys are strings and no member's serialisation fails, so there is always a document.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Checks the configuration by all rules of the service, with today's date in UTC.
    ///
    /// # Errors
    /// [`Invalid`] with the path of the member and the rule that it breaks; it never holds the value.
    pub fn validate(&self, today: Date) -> Result<(), Invalid> {
        self.validate_context_text()?;
        let document = serde_json::to_value(self).unwrap_or(Value::Null);
        validate::value(&document, Self::SHAPE, Strictness::Request)?;
        self.validate_template()?;
        self.validate_channels()?;
        self.validate_coding(today)
    }

    /// Before the patterns are tried, since it names the character.
    fn validate_context_text(&self) -> Result<(), Invalid> {
        let text =
            self.encounter_context.as_ref().and_then(|context| context.unstructured_context.as_deref());
        let Some(text) = text else { return Ok(()) };
        let path = "encounterContext.unstructuredContext";
        if text.is_empty() || text.len() > ENCOUNTER_CONTEXT_BYTES_MAX {
            let max = Some(ENCOUNTER_CONTEXT_BYTES_MAX);
            return Err(Invalid::new(path, Rule::Length { min: 1, max, unit: "bytes", actual: text.len() }));
        }
        match context::first_refused(text) {
            Some((position, character)) => {
                Err(Invalid::new(path, Rule::Character { position, code_point: character.into() }))
            }
            None => Ok(()),
        }
    }

    fn validate_template(&self) -> Result<(), Invalid> {
        let settings =
            &self.post_stream_action_settings.clinical_note_generation_settings.note_template_settings;
        let NoteTemplateSettings::CustomTemplate(template) = settings else { return Ok(()) };
        let instructions = template.template_instructions.iter();
        let bytes: usize = instructions
            .map(|section| section.section_header.len() + section.section_instruction.len())
            .sum();
        if bytes <= TEMPLATE_INSTRUCTION_BYTES_MAX {
            return Ok(());
        }
        let path = "postStreamActionSettings.clinicalNoteGenerationSettings.noteTemplateSettings.customTemplate.\
                    templateInstructions";
        let max = Some(TEMPLATE_INSTRUCTION_BYTES_MAX);
        Err(Invalid::new(path, Rule::Length { min: 0, max, unit: "bytes", actual: bytes }))
    }

    fn validate_channels(&self) -> Result<(), Invalid> {
        let Some([first, second]) = self.channel_definitions.as_deref() else { return Ok(()) };
        if first.channel_id == second.channel_id {
            let why = "must name channel 0 and channel 1, each once";
            return Err(Invalid::new("channelDefinitions[1].channelId", Rule::Forbidden(why)));
        }
        Ok(())
    }

    fn validate_coding(&self, today: Date) -> Result<(), Invalid> {
        let context =
            self.encounter_context.as_ref().and_then(|context| context.medical_coding_context.as_ref());
        let Some(context) = context else { return Ok(()) };
        let path = "encounterContext.medicalCodingContext";
        let codes = self.post_stream_action_settings.medical_code_generation_settings.as_ref();
        if !codes.is_some_and(|codes| codes.enabled) {
            let why =
                "is allowed only with postStreamActionSettings.medicalCodeGenerationSettings.enabled: true";
            return Err(Invalid::new(path, Rule::Forbidden(why)));
        }
        validate::day(context.date_of_birth.as_deref(), today, || format!("{path}.dateOfBirth"))?;
        let latest = today.plus_days(ENCOUNTER_DATE_DAYS_AHEAD_MAX);
        validate::day(context.encounter_date.as_deref(), latest, || format!("{path}.encounterDate"))
    }
}
