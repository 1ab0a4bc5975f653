//! Pieces of the schema that the types alone do not say: rules of admission, in CEL, with the sentence that a user reads
//! when one is broken.
//!
//! The API server says where the wrong value is; the sentence says which field is meant and what to do. Every string and
//! list that a rule looks at has a greatest length: by it the API server bounds what a rule may cost.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// The key under which a schema holds its rules.
pub(super) const RULES: &str = "x-kubernetes-validations";

/// Names of objects: Secrets, ingress classes.
const OBJECT_NAME: &str = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";

/// Names of hosts in DNS.
const DNS_NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// 1 to 65535.
const PORT: &str = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";

/// A name, an IPv4 address, or an IPv6 address in brackets.
const HOST: &str = "([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\\\[[0-9A-Fa-f:.]+\\\\])";

/// Whole numbers with units; what [`Duration`](super::Duration) reads.
const DURATION: &str = "^([0-9]{1,6}(ms|s|m|h))+$";

/// What [`Quantity`](super::Quantity) reads.
const QUANTITY: &str = "^[0-9]+([.][0-9]+)?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$";

/// A rule: `cel` must be true, or the user reads `message`.
pub(super) fn rule(cel: impl Into<String>, message: impl Into<String>) -> Value {
    json!({ "rule": cel.into(), "message": message.into() })
}

/// A rule about several fields, of which `path` (`.max`) is shown as the wrong one.
pub(super) fn rule_at(path: &str, cel: impl Into<String>, message: impl Into<String>) -> Value {
    json!({ "rule": cel.into(), "message": message.into(), "fieldPath": path })
}

fn matches(pattern: &str) -> String {
    format!("self.matches('{pattern}')")
}

/// The name of an object of the pipeline's namespace.
pub(super) fn object_name(field: &str) -> Value {
    let message = format!(
        "{field} must be the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a \
         letter or digit"
    );
    json!([rule(matches(OBJECT_NAME), message)])
}

/// An entry of a Secret.
pub(super) fn secret_entry() -> Value {
    let message = "key must be an entry of the Secret: letters, digits, '-', '_' and '.', for example ca.crt";
    json!([rule("self.matches('^[-._a-zA-Z0-9]+$')", message)])
}

/// The name of a host.
pub(super) fn host() -> Value {
    let message =
        "host must be a name in DNS without port and path, in lower case, for example live.shop.example";
    json!([rule(matches(DNS_NAME), message)])
}

/// Addresses of brokers.
pub(super) fn brokers() -> Value {
    let message = "bootstrapServers must be host:port, several separated by commas without spaces, for example \
                   kafka-0:9092,kafka-1:9092";
    json!([rule(matches(&format!("^{HOST}:{PORT}(,{HOST}:{PORT})*$")), message)])
}

/// The address of Redis: no secrets in it.
pub(super) fn redis_url() -> Value {
    let plain = "url must hold no user and no password: put them into a Secret and name it in redis.secret";
    let shape = "url must be redis://host:port, or rediss://host:port for TLS; the number of a database may follow, for \
                 example redis://redis:6379/2";
    let pattern = format!("^rediss?://{HOST}(:{PORT})?(/[0-9]{{0,5}})?$");
    json!([
        rule("!self.contains('@')", plain),
        rule(format!("self.contains('@') || {}", matches(&pattern)), shape)
    ])
}

/// A prefix of keys.
pub(super) fn key_prefix() -> Value {
    json!([rule("self.matches('^[!-~]*$')", "keyPrefix must be printable ASCII characters without spaces")])
}

/// A duration from `least` to `most`.
pub(super) fn duration(field: &str, least: &str, most: &str) -> Value {
    let shape = format!(
        "{field} must be a duration: whole numbers with ms, s, m or h, for example 50ms, 30s or 1m30s"
    );
    let within = format!(
        "!self.matches('{DURATION}') || (duration(self) >= duration('{least}') && duration(self) <= duration('{most}'))"
    );
    json!([rule(matches(DURATION), shape), rule(within, format!("{field} must be from {least} to {most}"))])
}

/// An amount of processor time.
pub(super) fn cpu() -> Value {
    json!([
        quantity("cpu must be a quantity of cores, for example 250m or 1.5"),
        rule(
            "!string(self).matches('i$')",
            "cpu is in cores: write for example 500m for half a core, without Ki, Mi or Gi"
        ),
    ])
}

/// An amount of memory.
pub(super) fn memory() -> Value {
    json!([
        quantity("memory must be a quantity of bytes, for example 128Mi or 1Gi"),
        rule(
            "!string(self).matches('[num]$')",
            "memory is in bytes, and n, u and m are parts of a byte: write Mi for mebibytes, for example 128Mi"
        ),
    ])
}

/// Numbers are allowed as well: hence `string`.
fn quantity(message: &str) -> Value {
    rule(format!("string(self).matches('{QUANTITY}')"), message)
}

/// Requests are within limits.
pub(super) fn requests_within_limits() -> Value {
    let rules = ["cpu", "memory"].map(|amount| {
        let quantity = |side: &str| format!("string(self.{side}.{amount})");
        let (request, limit) = (quantity("requests"), quantity("limits"));
        let cel = format!(
            "!has(self.requests.{amount}) || !has(self.limits.{amount}) || !isQuantity({request}) || \
             !isQuantity({limit}) || quantity({request}).compareTo(quantity({limit})) <= 0"
        );
        let message =
            format!("requests.{amount} is above limits.{amount}: lower the request or raise the limit");
        rule_at(&format!(".requests.{amount}"), cel, message)
    });
    json!(rules)
}

/// The name of an image.
pub(super) fn image_repository() -> Value {
    let message = "repository must be an image without tag and digest, for example registry.example/millrace; the tag \
                   belongs into image.tag";
    json!([rule(
        "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*$') && !self.matches('^[^/]*:[^/]*$')",
        message
    )])
}

/// The tag of an image.
pub(super) fn image_tag() -> Value {
    let message = "tag must be letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'";
    json!([rule("self.matches('^[A-Za-z0-9_][A-Za-z0-9._-]*$')", message)])
}

/// An object that the API server takes as it is.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
