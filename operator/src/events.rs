//! Kubernetes events: what happened to a pipeline, for whoever runs `kubectl describe`.
//!
//! An event that cannot be written is logged and missed: nothing rests on events.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use runtime::topics::Change;

use crate::faults;

/// The API server takes no longer notes.
const LONGEST_NOTE: usize = 1_024;
/// Nor longer actions.
const LONGEST_ACTION: usize = 128;

/// Writes events.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    warning: bool,
    reason: &'static str,
    /// Events of one reason and action within minutes are counted, not repeated: this tells them apart.
    action: String,
    note: String,
}

impl Happening {
    /// A topic was created, grown or configured.
    pub fn topic_changed(change: &Change) -> Option<Self> {
        let reason = match change {
            Change::Create { .. } => "TopicCreated",
            Change::Grow { .. } => "TopicGrown",
            Change::Configure { .. } => "TopicConfigured",
            Change::Keep { .. } => return None,
        };
        let note = change.to_string();
        Some(Self { warning: false, reason, action: note.clone(), note })
    }

    /// New settings were published.
    pub fn settings_published(generation: u64) -> Self {
        let note = format!("published generation {generation} of the settings");
        Self { warning: false, reason: "SettingsPublished", action: note.clone(), note }
    }

    /// A child that the operator owns was not as it had left it.
    pub fn repaired(kind: &str, name: &str, what: &str) -> Self {
        let action = format!("Repair {kind} {name}");
        let note = format!("somebody changed {kind} {name}: {what}; it is as the pipeline says again");
        Self { warning: false, reason: "Repaired", action, note }
    }

    /// A condition turned into something that people want to know.
    pub fn turned(reason: &'static str, warning: bool, note: String) -> Self {
        Self { warning, reason, action: reason.to_owned(), note }
    }

    /// Deletion ended with everything gone that was to go. `stays`: what was not, and why.
    pub fn deleted(gone: &[String], stays: &[String]) -> Option<Self> {
        let gone = (!gone.is_empty()).then(|| format!("deleted {}", gone.join(", ")));
        let said: Vec<_> = gone.into_iter().chain(stays.iter().cloned()).collect();
        let note = (!said.is_empty()).then(|| said.join("; "))?;
        Some(Self { warning: false, reason: "Deleted", action: "Delete".to_owned(), note })
    }

    /// Deletion ended although something is left.
    pub fn gave_up(why: &str, left: &[String]) -> Self {
        let note = format!("{why}; left behind: {}", left.join(", "));
        Self { warning: true, reason: "DeletionGaveUp", action: "Delete".to_owned(), note }
    }
}

impl Events {
    /// Events written by `client` in the name of this replica.
    pub fn new(client: Client, instance: String) -> Self {
        let reporter = Reporter { controller: "millrace-operator".to_owned(), instance: Some(instance) };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// Writes one event about `regarding`.
    pub async fn publish(&self, regarding: &ObjectReference, happening: Happening) {
        let Happening { warning, reason, action, note } = happening;
        let pipeline = regarding.name.as_deref().unwrap_or_default();
        let namespace = regarding.namespace.as_deref().unwrap_or_default();
        tracing::info!(namespace, pipeline, reason, "{note}");
        let event = Event {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(shortened(note, LONGEST_NOTE)),
            action: shortened(action, LONGEST_ACTION),
            secondary: None,
        };
        faults::pass("event");
        if let Err(error) = self.recorder.publish(&event, regarding).await {
            tracing::debug!(namespace, pipeline, reason, %error, "cannot write an event");
        }
        faults::pass("event");
    }
}

/// At most `longest` bytes of `text`, cut between characters.
fn shortened(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        let room = longest - '…'.len_utf8();
        let end = (0..=room).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("đơn".to_owned(), 100), "đơn");
        assert_eq!(shortened("đđđđđ".to_owned(), 8), "đđ…");
        assert_eq!(shortened("abcdefghi".to_owned(), 8), "abcde…");
    }
}
