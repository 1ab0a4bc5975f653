//! `millrace settings`: reads and changes what may change while a pipeline runs.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use contract::Settings;
use contract::settings::{Owner, SETTINGS_KEY};
use runtime::config::{LogArgs, PipelineArgs};
use runtime::settings::{Directory, PublishError};
use runtime::{KafkaArgs, settings};

use super::{begin, blocking};
use crate::failure::Failure;

/// Read or change the live settings of a pipeline
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Get(Get),
    Set(Set),
}

/// Print the settings in force, as YAML that `set` reads
#[derive(Debug, clap::Args)]
struct Get {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Replace the settings; every process of the pipeline follows within a second
///
/// What the file leaves out goes back to its default. Prints the generation that resulted: the last one plus
/// 1, or the last one itself when nothing differs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  millrace settings get > settings.yaml     then edit, and
  millrace settings set -f settings.yaml
  echo '{\"fraud\": {\"highValue\": 80000000}}' | millrace settings set -f -")]
struct Set {
    /// YAML or JSON file with the settings; `-` is standard input.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,

    /// Change them even where the operator owns them; it sets them back at its next reconciliation.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    pub async fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Get(get) => get.run().await,
            Action::Set(set) => set.run().await,
        }
    }
}

impl Get {
    async fn run(self) -> Result<(), Failure> {
        let Self { kafka, pipeline, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        let directory = blocking(move || settings::read(&kafka, &pipeline.topics())).await?;
        print!("{}", page(&directory)?);
        Ok(())
    }
}

impl Set {
    async fn run(self) -> Result<(), Failure> {
        let Self { file, force, kafka, pipeline, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        let wanted =
            parse(&text_of(&file)?).map_err(|e| Failure::Usage(e.context(file.display().to_string())))?;
        let set = move || settings::publish(&kafka, &pipeline.topics(), Owner::Cli, &wanted, force);
        let published = blocking(set).await?;
        println!("generation {}", published.generation);
        Ok(())
    }
}

/// The settings as YAML, with comments on where they come from.
fn page(directory: &Directory) -> Result<String, Failure> {
    let Directory { loaded: _, settings, owner, claims, unreadable } = directory;
    let owner = match owner {
        _ if unreadable.contains_key(SETTINGS_KEY) => "somebody, but cannot be read: these are not in force",
        None => "nobody: these are the defaults",
        Some(Owner::Cli) => "the command line",
        Some(Owner::Operator) => "the operator",
    };
    let claims =
        claims.iter().map(|(processor, claim)| format!("# {processor} runs in stage {}\n", claim.stage));
    let unreadable =
        unreadable.iter().map(|(key, why)| format!("# {key} cannot be read: {}\n", one_line(why)));
    let yaml = serde_saphyr::to_string(settings).context("writing YAML").map_err(Failure::run)?;
    let comments: String = claims.chain(unreadable).collect();
    Ok(format!("# set by {owner}\n{comments}{yaml}"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text_of(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read {} (--file)", file.display())).map_err(Failure::Usage)?;
    Ok(text)
}

/// Reads YAML (JSON is YAML), by the same rules as the records of the settings topic.
fn parse(text: &str) -> anyhow::Result<Settings> {
    let value: serde_json::Value = serde_saphyr::from_str(text).map_err(|e| anyhow!("not YAML: {e}"))?;
    Ok(Settings::from_json(value.to_string().as_bytes())?)
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Invalid(_) | PublishError::OwnedByOperator => Self::usage(error),
            PublishError::Topic(error) => error.into(),
            PublishError::Overtaken
            | PublishError::Unreadable { .. }
            | PublishError::Kafka { .. }
            | PublishError::Late => Self::run(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::ProcessorName;
    use contract::settings::Claim;

    #[test]
    fn yaml_and_json_say_the_same() {
        let yaml = parse("fraud:\n  highValue: 80000000 # VND\ncommitIntervalMs: 20\n").unwrap();
        let json = parse(r#"{"fraud": {"highValue": 80000000}, "commitIntervalMs": 20}"#).unwrap();
        assert_eq!(yaml, json);
        assert_eq!((yaml.fraud.high_value, yaml.commit_interval_ms), (80_000_000, 20));
        assert_eq!(yaml.fraud.orders_per_minute, Settings::default().fraud.orders_per_minute);
    }

    #[test]
    fn what_get_prints_set_reads() {
        let settings = Settings { generation: 3, trend_top_k: 5, ..Settings::default() };
        let claim = Claim { stage: "revenue-fraud".to_owned(), start: vec![0], dead_letters: true };
        let claims = [(ProcessorName::Fraud, claim)].into();
        let unreadable = [("claim/trend".to_owned(), "not\nJSON".to_owned())].into();
        let owner = Some(Owner::Operator);
        let directory = Directory { loaded: true, settings, owner, claims, unreadable };
        let page = page(&directory).unwrap();
        assert!(page.contains("# set by the operator\n# fraud runs in stage revenue-fraud\n"), "{page}");
        assert!(page.contains("# claim/trend cannot be read: not JSON\n"), "{page}");
        assert_eq!(parse(&page).unwrap(), directory.settings);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, named) in [
            ("commitIntervalMs: 0", "commitIntervalMs"),
            ("fraud: {highvalue: 1}", "highvalue"),
            ("fraud: {highValue: 1.5}", "highValue"),
            ("trendTopK: 1\ntrendTopK: 2", "trendTopK"),
            ("- 1", "settings"),
            ("a: [", "YAML"),
        ] {
            let message = format!("{:#}", parse(text).unwrap_err());
            assert!(message.contains(named), "{text:?}: {message}");
        }
    }
}
