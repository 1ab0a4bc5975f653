// The resources of this folder, and those of the documentation. Read by the tests of the rules without a cluster and by
// those on an API server: `#[path]` brings this file into both.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One file: a resource, or the states that one resource takes one after the other.
pub struct Sample {
    /// The file's name.
    pub file: String,
    /// What the refusal of the last document must say.
    pub expects: Vec<String>,
    /// Each is accepted, but the last one of an invalid sample.
    pub documents: Vec<Value>,
}

/// Resources that are refused.
pub fn invalid() -> Vec<Sample> {
    let samples = read(&own("tests/data/invalid"));
    assert!(samples.len() >= 100, "only {} invalid resources", samples.len());
    for Sample { file, expects, .. } in &samples {
        assert!(!expects.is_empty(), "{file} does not begin with `# expect: `");
    }
    samples
}

/// Resources that are accepted.
pub fn valid() -> Vec<Sample> {
    let samples = read(&own("tests/data/valid"));
    assert!(samples.len() >= 30, "only {} valid resources", samples.len());
    samples
}

/// The resources of the documentation.
pub fn examples() -> Vec<Sample> {
    let samples = read(&own("../docs/examples"));
    assert!(!samples.is_empty(), "no examples");
    samples
}

fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(folder: &Path) -> Vec<Sample> {
    let entries = std::fs::read_dir(folder).expect("the folder of the resources");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.iter().map(|path| sample(path)).collect()
}

fn sample(path: &Path) -> Sample {
    let file = path.file_name().expect("a file").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).expect("text");
    let expects = text.lines().map_while(|line| line.strip_prefix("# expect: ")).map(str::to_owned).collect();
    let documents = serde_saphyr::from_multiple(&text).expect(&file);
    Sample { file, expects, documents }
}
