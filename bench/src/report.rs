//! Tables in plain text.

use std::time::Duration;

/// A table whose columns are as wide as what stands in them; the first to the left, the others to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|&heading| heading.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines of the table.
    pub fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }

    /// Prints it.
    pub fn print(&self) {
        for line in self.lines() {
            println!("{line}");
        }
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, &width))| {
        if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// CPU-seconds per million orders.
pub fn per_million(cpu: Duration, orders: u64) -> String {
    format!("{:.2}", cpu.as_secs_f64() * 1e6 / to_f64(orders))
}

/// Orders per second.
pub fn rate(orders: u64, wall: Duration) -> String {
    thousands(to_f64(orders) / wall.as_secs_f64())
}

/// Bytes as MiB.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.0}", to_f64(bytes) / (1_024.0 * 1_024.0))
}

/// A whole number with commas.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts and sizes here are far below 2^53")]
pub fn to_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(999.4), "999");
        assert_eq!(thousands(1_000.0), "1,000");
        assert_eq!(thousands(12_345_678.0), "12,345,678");
        assert_eq!(rate(3_000_000, Duration::from_secs(2)), "1,500,000");
        assert_eq!(per_million(Duration::from_millis(1_500), 2_000_000), "0.75");
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["what", "n"]);
        table.row(vec!["đơn hàng".to_owned(), "12".to_owned()]);
        assert_eq!(table.lines(), ["what       n", "đơn hàng  12"]);
    }
}
