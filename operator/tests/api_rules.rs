//! The rules of the resource on a real API server: what it accepts, what it refuses, and with which words. The same
//! resources are judged without a cluster by the unit tests of `api`.

#[path = "data/samples.rs"]
mod samples;

use anyhow::{Context, Result, bail, ensure};
use harness::kubernetes::{self, Space, install_crd};
use kube::api::{DeleteParams, DynamicObject, PostParams, Request};
use operator::api::definition_yaml;
use samples::Sample;

/// Brings the resource through one state after the other; the outcome of the last. Trying the last without doing it, as
/// `kubectl apply --dry-run=server` does, must say the same.
async fn bring(space: &Space<'_>, sample: &Sample) -> Result<kube::Result<DynamicObject>> {
    let (last, before) = sample.documents.split_last().context("an empty file")?;
    for document in before {
        put(space, document, false).await?.context("what comes first is refused")?;
    }
    let tried = refusal(&put(space, last, true).await?);
    let outcome = put(space, last, false).await?;
    ensure!(tried == refusal(&outcome), "a dry run said {tried:?}, the real one {:?}", refusal(&outcome));
    Ok(outcome)
}

fn refusal(outcome: &kube::Result<DynamicObject>) -> Option<String> {
    outcome.as_ref().err().map(ToString::to_string)
}

/// Creates the resource, or replaces the one of its name; in a dry run only as if.
async fn put(
    space: &Space<'_>,
    document: &serde_json::Value,
    dry_run: bool,
) -> Result<kube::Result<DynamicObject>> {
    let mut object: DynamicObject = serde_json::from_value(document.clone())?;
    object.metadata.namespace = Some(space.namespace().to_owned());
    let name = object.metadata.name.clone().context("a resource without a name")?;
    let resources = space.api_of(&object)?;
    let params = PostParams { dry_run, ..PostParams::default() };
    let request = Request::new(resources.resource_url());
    let mut request = match resources.get_opt(&name).await? {
        None => request.create(&params, serde_json::to_vec(&object)?)?,
        Some(present) => {
            object.metadata.resource_version = present.metadata.resource_version;
            request.replace(&name, &params, serde_json::to_vec(&object)?)?
        }
    };
    // Unknown fields are refused too, as kubectl asks for.
    *request.uri_mut() = format!("{}&fieldValidation=Strict", request.uri()).parse()?;
    Ok(space.client().request(request).await)
}

async fn remove(space: &Space<'_>, sample: &Sample) -> Result<()> {
    let object: DynamicObject = serde_json::from_value(sample.documents[0].clone())?;
    let name = object.metadata.name.clone().context("a resource without a name")?;
    let resources = space.api_of(&object)?;
    match resources.delete(&name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        outcome => outcome.map(drop).context("deleting the resource again"),
    }
}

#[test]
fn the_server_refuses_invalid_resources_by_the_field_and_the_way_out() {
    kubernetes::run("invalid", async |space| {
        install_crd(&space.client(), &definition_yaml()?).await?;
        for sample in samples::invalid() {
            let file = sample.file.clone();
            let said = match bring(space, &sample).await.with_context(|| file.clone())? {
                Err(kube::Error::Api(status)) => status.message.clone(),
                Err(other) => bail!("{file}: {other}"),
                Ok(_) => bail!("{file} was accepted"),
            };
            for expected in &sample.expects {
                ensure!(said.contains(expected), "{file}: no {expected:?} in\n{said}");
            }
            remove(space, &sample).await?;
        }
        Ok(())
    });
}

#[test]
fn the_server_accepts_valid_resources() {
    kubernetes::run("valid", async |space| {
        install_crd(&space.client(), &definition_yaml()?).await?;
        for sample in samples::valid().into_iter().chain(samples::examples()) {
            bring(space, &sample)
                .await
                .and_then(|outcome| Ok(outcome?))
                .with_context(|| sample.file.clone())?;
            remove(space, &sample).await?;
        }
        Ok(())
    });
}
