//! The names of a pipeline and its topics.

use contract::Topics;

/// The names of a pipeline and its topics.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Pipeline")]
pub struct PipelineArgs {
    /// The pipeline's name; consumer groups and internal topics begin with it.
    #[arg(long, env = "MILLRACE_PIPELINE", value_name = "NAME", default_value = "shop", value_parser = topic_name)]
    pub pipeline: String,

    /// The topic that orders come in by.
    #[arg(long, env = "ORDERS_TOPIC", value_name = "TOPIC", default_value = "orders", value_parser = topic_name)]
    pub orders_topic: String,

    /// The topic that updates go to.
    #[arg(long, env = "METRICS_TOPIC", value_name = "TOPIC", default_value = "metrics", value_parser = topic_name)]
    pub metrics_topic: String,

    /// The topic that alerts go to.
    #[arg(long, env = "ALERTS_TOPIC", value_name = "TOPIC", default_value = "alerts", value_parser = topic_name)]
    pub alerts_topic: String,

    /// The topic that invalid orders go to.
    #[arg(long, env = "DEAD_LETTER_TOPIC", value_name = "TOPIC", default_value = "orders.dead-letter")]
    #[arg(value_parser = topic_name)]
    pub dead_letter_topic: String,
}

impl PipelineArgs {
    /// The names as the other crates take them.
    pub fn topics(&self) -> Topics {
        let Self { pipeline, orders_topic, metrics_topic, alerts_topic, dead_letter_topic } = self.clone();
        Topics {
            pipeline,
            orders: orders_topic,
            metrics: metrics_topic,
            alerts: alerts_topic,
            dead_letters: dead_letter_topic,
        }
    }
}

/// Kafka allows 249 characters; the longest suffix of an internal topic must still fit.
const NAME_MAX: usize = 200;

fn topic_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fits = (1..=NAME_MAX).contains(&text.len()) && text.chars().all(allowed);
    if fits && text.chars().any(|c| c != '.') {
        Ok(text.to_owned())
    } else {
        Err(format!("must be 1 to {NAME_MAX} of letters, digits, '.', '_' and '-'"))
    }
}
