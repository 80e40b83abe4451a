//! The commands of the control plane: a resource and a verb for each operation.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ossicle::model::ids::SessionUuid;

use crate::args::TargetArgs;

/// What every call takes.
#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a call in a domain takes.
#[derive(Args, Debug)]
pub(crate) struct InDomain {
    /// The domain's id
    #[arg(long, value_name = "D")]
    pub(crate) domain: String,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

/// Whether to wait for the end of what was begun.
#[derive(Args, Debug)]
pub(crate) struct WaitArgs {
    /// Waits until it is done
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "S", default_value = "1800", requires = "wait")]
    pub(crate) timeout: u64,
}

#[derive(Subcommand, Debug)]
pub(crate) enum DomainCommand {
    /// Makes a domain
    Create {
        /// Its name
        name: String,
        /// The key that encrypts its data (default: one of the service's own)
        #[arg(long, value_name = "ARN")]
        kms_key_arn: Option<String>,
        /// A tag; can be given more than once
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<(String, String)>,
        /// The whole input as JSON, to which the flags are added
        #[arg(long, value_name = "FILE.json")]
        file: Option<PathBuf>,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Shows a domain
    Get {
        /// Its id
        domain: String,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Lists the domains
    List {
        /// Only those with this status, such as ACTIVE
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Deletes a domain
    Delete {
        /// Its id
        domain: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        call: CallArgs,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum SubscriptionCommand {
    /// Makes a subscription; a new one is active
    Create {
        #[command(flatten)]
        within: InDomain,
    },
    /// Shows a subscription
    Get {
        /// Its id
        subscription: String,
        #[command(flatten)]
        within: InDomain,
    },
    /// Lists the subscriptions of a domain
    List {
        #[command(flatten)]
        within: InDomain,
    },
    /// Activates a subscription
    Activate {
        /// Its id
        subscription: String,
        #[command(flatten)]
        within: InDomain,
    },
    /// Deactivates a subscription: streams in progress go on, new ones are refused
    Deactivate {
        /// Its id
        subscription: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        within: InDomain,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum TagsCommand {
    /// Lists the tags of a resource
    List {
        /// Its ARN
        arn: String,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Adds tags to a resource, or gives them another value
    Add {
        /// Its ARN
        arn: String,
        /// The tags
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<(String, String)>,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Takes tags away from a resource
    Remove {
        /// Its ARN
        arn: String,
        /// The tags' keys
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        /// Does not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        call: CallArgs,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum DatasetCommand {
    /// Makes a dataset for medical coding
    Create {
        /// Its name
        name: String,
        /// Where its contents come from
        #[arg(long, value_name = "S3URI", required_unless_present = "file")]
        input: Option<String>,
        /// Where its artefacts go
        #[arg(long, value_name = "S3URI", required_unless_present = "file")]
        output: Option<String>,
        /// The whole input as JSON, to which the flags are added
        #[arg(long, value_name = "FILE.json")]
        file: Option<PathBuf>,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        within: InDomain,
    },
    /// Shows a dataset
    Get {
        /// Its id
        dataset: String,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        within: InDomain,
    },
    /// Lists the datasets of a domain
    List {
        #[command(flatten)]
        within: InDomain,
    },
    /// Deletes a dataset
    Delete {
        /// Its id
        dataset: String,
        /// Does not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        within: InDomain,
    },
}

/// Jobs: patient insights, and medical coding.
#[derive(Subcommand, Debug)]
pub(crate) enum JobCommand {
    /// Starts a job
    Start {
        /// The whole input as JSON
        #[arg(long, value_name = "FILE.json")]
        file: PathBuf,
        /// The domain's id (default: the one in the file)
        #[arg(long, value_name = "D")]
        domain: Option<String>,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Shows a job
    Get {
        /// Its id
        job: String,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        within: InDomain,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum FeedbackCommand {
    /// Tells the service what became of a note or of codes that it made
    Submit {
        /// The whole input as JSON, to which the flags are added
        #[arg(long, value_name = "FILE.json")]
        file: Option<PathBuf>,
        /// The session or job that the artefact came from
        #[arg(long, value_name = "ID")]
        source: Option<String>,
        /// CLINICAL_DOC or MEDICAL_CODES
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Where the signed artefact lies
        #[arg(long, value_name = "S3URI")]
        signed: Option<String>,
        /// Where the generated artefact lies
        #[arg(long, value_name = "S3URI")]
        generated: Option<String>,
        /// The subscription's id
        #[arg(long, value_name = "S")]
        subscription: Option<String>,
        /// The domain's id (default: the one in the file)
        #[arg(long, value_name = "D")]
        domain: Option<String>,
        #[command(flatten)]
        call: CallArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The session's id
    #[arg(value_name = "UUID")]
    pub(crate) session: SessionUuid,
    /// The subscription's id
    #[arg(long, value_name = "S")]
    pub(crate) subscription: String,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) within: InDomain,
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("give KEY=VALUE".into()),
    }
}
