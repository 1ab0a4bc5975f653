//! Amounts of CPU and memory as Kubernetes writes them.

use std::cmp::Ordering;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubernetesQuantity;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// An amount: `250m`, `1`, `1.5`, `128Mi`. Keeps the text it was written as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quantity(String);

/// Text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no quantity: write for example 250m or 1 for CPU, 128Mi or 1Gi for memory")]
pub struct QuantityError {
    /// The text.
    pub text: String,
}

/// A text as long as this still fits the arithmetic below.
const LONGEST: usize = 20;

/// What amounts are counted in: the smallest unit that Kubernetes knows is a billionth.
const NANOS: i128 = 1_000_000_000;

/// What a suffix multiplies by, in billionths.
const SUFFIXES: [(&str, i128); 15] = [
    ("Ki", NANOS << 10),
    ("Mi", NANOS << 20),
    ("Gi", NANOS << 30),
    ("Ti", NANOS << 40),
    ("Pi", NANOS << 50),
    ("Ei", NANOS << 60),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", NANOS * 1_000),
    ("M", NANOS * 1_000_000),
    ("G", NANOS * 1_000_000_000),
    ("T", NANOS * 1_000_000_000_000),
    ("P", NANOS * 1_000_000_000_000_000),
    ("E", NANOS * 1_000_000_000_000_000_000),
];

impl Quantity {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares by amount: `1Gi` is more than `1000Mi`.
    pub fn compare(&self, other: &Self) -> Ordering {
        nanos(&self.0).cmp(&nanos(&other.0))
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match nanos(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(QuantityError { text: text.to_owned() }),
        }
    }
}

/// The amount in billionths; smaller parts are dropped.
fn nanos(text: &str) -> Option<i128> {
    let fits = (1..=LONGEST).contains(&text.len());
    let found = SUFFIXES.into_iter().find(|(suffix, _)| text.ends_with(suffix));
    let (suffix, factor) = found.unwrap_or(("", NANOS));
    let number = text.strip_suffix(suffix)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = [whole, part].concat();
    let complete = !whole.is_empty() && !number.ends_with('.');
    let only_digits = complete && digits.bytes().all(|b| b.is_ascii_digit());
    if !fits || !only_digits {
        return None;
    }
    let scale = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let product = digits.parse::<i128>().ok()?.checked_mul(factor)?;
    Some(product / scale)
}

impl From<Quantity> for KubernetesQuantity {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.0)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    /// Takes a number as well: `cpu: 1`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true, "maxLength": LONGEST })
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::Quantity;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn quantities_compare_by_amount() {
        for (less, more) in [
            ("250m", "1"),
            ("1000Mi", "1Gi"),
            ("1G", "1Gi"),
            ("0.5", "501m"),
            ("1.5Gi", "1537Mi"),
            ("9E", "8Ei"),
        ] {
            assert_eq!(quantity(less).compare(&quantity(more)), Ordering::Less, "{less} {more}");
        }
        assert_eq!(quantity("1000m").compare(&quantity("1")), Ordering::Equal);
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in
            ["", "m", "-1", "1 Gi", "1gi", "one", "1.2.3", ".5", "1.", "1KiB", "123456789012345678901"]
        {
            let refused = text.parse::<Quantity>().unwrap_err();
            assert!(refused.to_string().contains(&format!("{text:?}")), "{refused}");
        }
    }

    #[test]
    fn numbers_are_quantities_too() {
        assert_eq!(serde_json::from_str::<Quantity>("2").unwrap(), quantity("2"));
        assert!(serde_json::from_str::<Quantity>("true").is_err());
    }
}
