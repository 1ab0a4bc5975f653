//! The dead letters against the bad orders that were mixed in.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Differences;
use crate::oracle::Expected;
use crate::pipeline::Pipeline;
use crate::topic::{self, Record};

/// Longest value a dead letter carries; what is longer was cut.
const LONGEST: usize = 512 * 1024;

/// Compares all committed dead letters: one for each bad order, with its reason, place, size and raw value.
///
/// # Errors
/// When a topic cannot be read.
pub fn dead_letters(pipeline: &Pipeline, expected: &Expected) -> Result<Differences> {
    let mut originals = BTreeMap::new();
    topic::visit(pipeline.brokers(), &pipeline.orders(), |record| {
        if let Some(reason) = expected.dead_letters.get(&(record.partition, record.offset)) {
            originals.insert((record.partition, record.offset), (reason.clone(), record));
        }
        Ok(())
    })?;
    let letters = topic::read(pipeline.brokers(), &pipeline.dead_letters())?;
    differences(&pipeline.orders(), &originals, &letters)
}

type Originals = BTreeMap<(i32, i64), (String, Record)>;

fn differences(orders: &str, originals: &Originals, letters: &[Record]) -> Result<Differences> {
    let mut differences = Differences::of("dead letters");
    let mut found: BTreeMap<(i32, i64), Vec<&Record>> = BTreeMap::new();
    for letter in letters {
        let place = place(letter).with_context(|| format!("dead letter {letter:?}"))?;
        found.entry(place).or_default().push(letter);
    }
    for ((partition, offset), (reason, original)) in originals {
        differences.compared();
        match found.remove(&(*partition, *offset)).as_deref() {
            Some([letter]) => compare(orders, reason, original, letter, &mut differences),
            other => differences.add(format!(
                "{partition}/{offset} ({reason}) has {} dead letters, must have 1",
                other.map_or(0, <[_]>::len)
            )),
        }
    }
    for ((partition, offset), letters) in found {
        let reason = letters[0].header("reason").unwrap_or_default();
        differences.add(format!("{partition}/{offset} is no bad order but has a dead letter ({reason})"));
    }
    Ok(differences)
}

fn compare(orders: &str, reason: &str, original: &Record, letter: &Record, differences: &mut Differences) {
    let raw = original.value.as_deref().unwrap_or_default();
    let wanted = [
        ("reason", reason.to_owned()),
        ("original-topic", orders.to_owned()),
        ("original-size", raw.len().to_string()),
    ];
    let place = format!("{}/{}", original.partition, original.offset);
    for (name, value) in wanted {
        let found = letter.header(name);
        if found.as_ref() != Some(&value) {
            differences.add(format!("{place}: {name} is {found:?}, must be {value:?}"));
        }
    }
    if letter.value.as_deref().unwrap_or_default() != &raw[..raw.len().min(LONGEST)] {
        differences.add(format!("{place}: the value is not the original's"));
    }
    if letter.key != original.key {
        differences.add(format!("{place}: the key is not the original's"));
    }
}

fn place(letter: &Record) -> Result<(i32, i64)> {
    let number = |name: &str| letter.header(name).with_context(|| format!("no header {name}"));
    Ok((number("original-partition")?.parse()?, number("original-offset")?.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: &str, headers: &[(&str, &str)]) -> Record {
        Record {
            partition: 0,
            offset: 7,
            time: 0,
            key: None,
            value: Some(value.into()),
            headers: headers.iter().map(|&(k, v)| (k.to_owned(), v.into())).collect(),
        }
    }

    fn letter(reason: &str, offset: &str) -> Record {
        record(
            "{",
            &[
                ("reason", reason),
                ("original-topic", "orders"),
                ("original-partition", "0"),
                ("original-offset", offset),
                ("original-size", "1"),
            ],
        )
    }

    fn count(letters: &[Record]) -> usize {
        let originals = [((0, 7), ("not_json".to_owned(), record("{", &[])))].into();
        differences("orders", &originals, letters).unwrap().len()
    }

    #[test]
    fn a_missing_a_repeated_a_wrong_and_an_invented_letter_are_found() {
        assert_eq!(count(&[letter("not_json", "7")]), 0);
        assert_eq!(count(&[]), 1);
        assert_eq!(count(&[letter("not_json", "7"), letter("not_json", "7")]), 1);
        assert_eq!(count(&[letter("other", "7")]), 1);
        assert_eq!(count(&[letter("not_json", "7"), letter("not_json", "8")]), 1);
    }
}
