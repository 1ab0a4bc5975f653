//! Where pods send traces: OpenTelemetry's standard variables, handed on as the operator has them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use url::Url;

/// What the names of the variables begin with.
const PREFIX: &str = "OTEL_";
/// What is the operator's own: what it is called, and files that only its pod has.
const OWN: [&str; 4] = ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "_CERTIFICATE", "_CLIENT_KEY"];
/// What names the receiver; the first wins.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The variables, by name; none switches traces off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces(BTreeMap<String, String>);

impl Traces {
    /// Those of an environment that pods can do something with.
    pub fn of(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let is_for_pods = |name: &str| name.starts_with(PREFIX) && !OWN.iter().any(|own| name.ends_with(own));
        Self(environment.into_iter().filter(|(name, _)| is_for_pods(name)).collect())
    }

    /// Those of the operator's own environment.
    pub fn from_env() -> Self {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self::of(std::env::vars_os().filter_map(text))
    }

    /// Names and values, in the order of names.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The port of the receiver, if there is one.
    pub fn port(&self) -> Option<u16> {
        let endpoint =
            ENDPOINTS.iter().filter_map(|name| self.0.get(*name)).find(|value| !value.is_empty())?;
        Url::parse(endpoint).ok()?.port_or_known_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Traces;

    fn of<const N: usize>(variables: [(&str, &str); N]) -> Traces {
        Traces::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn only_its_variables_are_handed_on() {
        let traces = of([
            ("PATH", "/bin"),
            ("OTEL_SDK_DISABLED", "true"),
            ("HOTEL_", "x"),
            ("OTEL_A", ""),
            ("OTEL_SERVICE_NAME", "operator"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.crt"),
        ]);
        let expected = [("OTEL_A", ""), ("OTEL_SDK_DISABLED", "true")];
        assert_eq!(traces.variables().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_receivers_port_is_that_of_its_address() {
        let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.observability:4318");
        assert_eq!(of([general]).port(), Some(4318));
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example/v1/traces");
        assert_eq!(of([general, own]).port(), Some(443));
        let empty = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "");
        assert_eq!(of([general, empty]).port(), Some(4318));
        assert_eq!(of([("OTEL_EXPORTER_OTLP_ENDPOINT", "no address")]).port(), None);
        assert_eq!(of([]).port(), None);
    }
}
