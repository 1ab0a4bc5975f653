//! The keys of state records.

use std::fmt;

use contract::{Hour, Minute};

const MINUTES_PER_HOUR: i64 = 60;

/// What is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Product,
    City,
}

/// Names a cell. Displays as its key: `2026-11-22T17:05/product/Laptop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellKey<'a> {
    pub(crate) minute: Minute,
    pub(crate) subject: Subject,
    pub(crate) name: &'a str,
}

impl Subject {
    fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::City => "city",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Product, Self::City].into_iter().find(|subject| subject.as_str() == text)
    }
}

impl fmt::Display for CellKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { minute, subject, name } = *self;
        let hour = minute.start().hour();
        let past = minute.0.rem_euclid(MINUTES_PER_HOUR);
        write!(f, "{hour}:{past:02}/{}/{name}", subject.as_str())
    }
}

impl<'a> CellKey<'a> {
    /// Reads what `Display` writes; a name may hold slashes.
    pub(crate) fn parse(key: &'a str) -> Option<Self> {
        let (minute, rest) = key.split_once('/')?;
        let (subject, name) = rest.split_once('/')?;
        let minute = parse_minute(minute)?;
        let subject = Subject::parse(subject)?;
        (!name.is_empty()).then_some(Self { minute, subject, name })
    }
}

fn parse_minute(text: &str) -> Option<Minute> {
    let (hour, past) = text.split_once(':')?;
    let digits = past.len() == 2 && past.bytes().all(|digit| digit.is_ascii_digit());
    let past: i64 = past.parse().ok().filter(|past| digits && *past < MINUTES_PER_HOUR)?;
    let hour: Hour = hour.parse().ok()?;
    Some(Minute(hour.start().minute().0 + past))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(minute: i64, subject: Subject, name: &str) -> CellKey<'_> {
        CellKey { minute: Minute(minute), subject, name }
    }

    #[test]
    fn keys_are_legible() {
        // 1,795,367,100 s after the epoch.
        let laptop = key(1_795_367_100_000 / 60_000, Subject::Product, "Laptop");
        assert_eq!(laptop.to_string(), "2026-11-22T17:05/product/Laptop");
    }

    #[test]
    fn keys_read_back() {
        for cell in [
            key(0, Subject::City, "Hà Nội"),
            key(59, Subject::Product, "a/b/c"),
            key(29_922_785, Subject::City, "/"),
        ] {
            assert_eq!(CellKey::parse(&cell.to_string()), Some(cell));
        }
    }

    #[test]
    fn garbage_is_refused() {
        for bad in [
            "",
            "2026-11-22T17:05",
            "2026-11-22T17:05/product",
            "2026-11-22T17:05/product/",
            "2026-11-22T17:05/shop/x",
            "2026-11-22T17:60/city/x",
            "2026-11-22T17:5/city/x",
            "2026-11-22T17:+5/city/x",
            "2026-11-22T17/city/x",
            "2026-11-32T17:05/city/x",
        ] {
            assert_eq!(CellKey::parse(bad), None, "{bad:?}");
        }
    }
}
