//! The status as text that fits a screen: what is said once as lines, what there are many of as a table.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Rows of a table that are shown; more are counted.
const ROWS: usize = 24;

/// Fields that say what a row is about.
const SUBJECTS: [&str; 2] = ["partition", "stage"];

/// A row of a table: its name, if rows have names, and its fields.
type Row<'a> = (Option<&'a str>, &'a Map<String, Value>);

/// Sections with all that is in them.
pub fn sections(sections: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, section) in sections {
        // writing to a `String` cannot fail
        let _ = writeln!(text, "\n{name}");
        match section {
            Value::Object(fields) => object(fields, &mut text),
            other => drop(writeln!(text, "  {}", cell(other))),
        }
    }
    text
}

fn object(fields: &Map<String, Value>, text: &mut String) {
    let is_table = |value: &Value| rows(value).is_some();
    let plain: Vec<_> = fields.iter().filter(|(_, value)| !is_table(value)).collect();
    let width = plain.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in plain {
        let _ = writeln!(text, "  {name:<width$}  {}", cell(value));
    }
    for (name, value) in fields {
        if let Some(rows) = rows(value) {
            table(name, &rows, text);
        }
    }
}

/// What is a table: a list of objects, or an object of objects, whose names then stand in the first column.
fn rows(value: &Value) -> Option<Vec<Row<'_>>> {
    let rows: Vec<_> = match value {
        Value::Array(items) => {
            items.iter().map(|item| Some((None, item.as_object()?))).collect::<Option<_>>()?
        }
        Value::Object(items) => items
            .iter()
            .map(|(name, item)| Some((Some(name.as_str()), item.as_object()?)))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    (!rows.is_empty()).then_some(rows)
}

fn table(name: &str, rows: &[Row<'_>], text: &mut String) {
    let Some((first, fields)) = rows.first() else { return };
    let own = first.is_some().then(|| name.to_owned());
    // what a row is about comes first
    let mut columns: Vec<_> = fields.keys().collect();
    columns.sort_by_key(|name| !SUBJECTS.contains(&name.as_str()));
    let head: Vec<String> = own.into_iter().chain(columns.iter().map(|name| spaced(name))).collect();
    let line = |(name, row): &Row<'_>| -> Vec<String> {
        let values = columns.iter().map(|field| row.get(*field).map_or_else(|| "?".to_owned(), cell));
        name.map(str::to_owned).into_iter().chain(values).collect()
    };
    let lines: Vec<Vec<String>> = [head].into_iter().chain(rows.iter().take(ROWS).map(line)).collect();
    let _ = writeln!(text);
    text.push_str(&aligned(&lines));
    if rows.len() > ROWS {
        let _ = writeln!(text, "  and {} more", rows.len() - ROWS);
    }
}

/// Rows of cells under each other, two spaces apart, numbers to the right.
pub fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let is_number = |column: usize| {
        let cells = lines.iter().skip(1).filter_map(|line| line.get(column));
        cells.clone().count() > 0
            && cells.clone().all(|cell| cell.starts_with(|c: char| c.is_ascii_digit() || "-?".contains(c)))
    };
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if is_number(column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// `oldestUnreadSeconds` as `oldest unread s`.
fn spaced(name: &str) -> String {
    let words = name.chars().fold(String::new(), |mut words, c| {
        if c.is_uppercase() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
        words
    });
    words.strip_suffix("seconds").map_or(words.clone(), |start| format!("{start}s"))
}

/// A value in few characters. What is not known is `?`.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "?".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => format!("{:.2}", number.as_f64().unwrap_or_default()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name} {}", cell(value)));
            fields.collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_once_stands_above_a_table_of_what_there_are_many_of() {
        let value = json!({"stage": {"name": "fraud", "busyShare": 0.312_34, "lag": null, "partitions": [
            {"partition": 0, "lag": 830, "oldestUnreadSeconds": 1.92, "checkpoints": {"fraud": 11}},
            {"partition": 11, "lag": null, "oldestUnreadSeconds": null, "checkpoints": {"fraud": 9}}]}});
        let text = sections(value.as_object().unwrap());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "stage",
                "  busyShare  0.31",
                "  lag        ?",
                "  name       fraud",
                "",
                "  partition  checkpoints  lag  oldest unread s",
                "          0  fraud 11     830             1.92",
                "         11  fraud 9        ?                ?",
            ]
        );
    }

    #[test]
    fn objects_of_objects_are_a_table_with_their_names() {
        let value = json!({"views": {"partitions": {"revenue/0": {"offset": 7, "atEnd": true}}}});
        let text = sections(value.as_object().unwrap());
        assert!(text.contains("  partitions  at end  offset\n  revenue/0   true         7\n"), "{text}");
    }

    #[test]
    fn a_long_table_is_cut_and_says_so() {
        let rows: Vec<_> = (0..ROWS + 5).map(|partition| json!({"partition": partition})).collect();
        let value = json!({"stage": {"partitions": rows}});
        let text = sections(value.as_object().unwrap());
        assert!(text.lines().count() < ROWS + 6 && text.contains("and 5 more"), "{text}");
    }
}
