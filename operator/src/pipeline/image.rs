//! What pods run.

use std::str::FromStr;

use crate::api::{ImageSpec, PullPolicy};

/// The name of an image: `registry.example/millrace:0.1.0`, or with a digest, `…@sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    repository: String,
    /// With what separates it: `:tag`, `@digest` or `:tag@digest`.
    version: String,
}

/// What pods run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its full name.
    pub name: String,
    /// When nodes fetch it.
    pub pull_policy: PullPolicy,
}

/// A text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no image: write repository:tag, for example registry.example/millrace:0.1.0")]
pub struct InvalidImage {
    /// The text.
    pub text: String,
}

impl FromStr for ImageName {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tagged, digest) =
            text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        // a colon before the last slash belongs to the registry's port
        let path = tagged.rfind('/').map_or(0, |slash| slash + 1);
        let repository = tagged[path..].find(':').map_or(tagged, |colon| &tagged[..path + colon]);
        let version = &text[repository.len()..];
        let tag = tagged.get(repository.len() + 1..);
        let right = is_repository(repository)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(|digest| digest.contains(':') && digest.chars().all(is_plain))
            && !version.is_empty();
        if right {
            Ok(Self { repository: repository.to_owned(), version: version.to_owned() })
        } else {
            Err(InvalidImage { text: text.to_owned() })
        }
    }
}

impl ImageName {
    /// This image but for what `spec` says otherwise. A repository of its own keeps the version.
    pub(super) fn with(&self, spec: &ImageSpec) -> Result<Image, InvalidImage> {
        let ImageSpec { repository, tag, pull_policy } = spec;
        let repository = repository.as_deref().unwrap_or(&self.repository);
        let version = tag.as_deref().map_or_else(|| self.version.clone(), |tag| format!(":{tag}"));
        let name = format!("{repository}{version}");
        let parsed: Self = name.parse()?;
        // "a:b" as a repository, or "1@sha256:…" as a tag, would mean something else than it says
        let as_said = parsed.repository == repository && tag.as_deref().is_none_or(is_tag);
        if as_said { Ok(Image { name, pull_policy: *pull_policy }) } else { Err(InvalidImage { text: name }) }
    }
}

fn is_repository(text: &str) -> bool {
    text.split('/')
        .all(|part| !part.is_empty() && part.chars().all(|c| is_plain(c) && !c.is_ascii_uppercase()))
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(word) && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

/// Nothing that could end a name: spaces, control characters, another `@`.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':')
}
