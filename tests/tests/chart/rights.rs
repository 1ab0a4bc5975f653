//! What the operator may do, as it stands in the rendered roles.

use serde_json::Value;

use super::helm::{NAMESPACE, Profile, profiles};

const ROLES: [&str; 2] = ["Role", "ClusterRole"];

fn words<'a>(rule: &'a Value, field: &str) -> Vec<&'a str> {
    rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn roles(profile: &Profile) -> Vec<Value> {
    ROLES.iter().flat_map(|kind| profile.all(kind)).collect()
}

fn rules(role: &Value) -> &Vec<Value> {
    role["rules"].as_array().expect("a role has rules")
}

/// The kinds that a binding of the operator's may give in every namespace.
fn bound_everywhere(profile: &Profile) -> Vec<Value> {
    let bindings = profile.all("ClusterRoleBinding");
    let bound =
        |role: &Value| bindings.iter().any(|binding| binding["roleRef"]["name"] == role["metadata"]["name"]);
    profile.all("ClusterRole").into_iter().filter(bound).collect()
}

#[test]
fn no_right_is_a_wildcard() {
    for profile in profiles() {
        let roles = roles(&profile);
        assert!(roles.len() >= 2, "{} has {} roles", profile.name, roles.len());
        for rule in roles.iter().flat_map(rules) {
            for field in ["apiGroups", "resources", "verbs"] {
                let words = words(rule, field);
                assert!(
                    !words.is_empty() && !words.iter().any(|word| word.contains('*')),
                    "{}: {rule}",
                    profile.name
                );
            }
            assert!(
                !words(rule, "verbs").iter().any(|verb| ["bind", "escalate", "impersonate"].contains(verb)),
                "{rule}"
            );
        }
    }
}

/// Secrets can be got by name, not listed, and in no namespace that was not named.
#[test]
fn secrets_are_readable_by_name_where_that_was_allowed() {
    for profile in profiles() {
        for role in roles(&profile) {
            for rule in rules(&role).iter().filter(|rule| words(rule, "resources").contains(&"secrets")) {
                assert_eq!(words(rule, "verbs"), ["get"], "{}: {rule}", profile.name);
                assert_eq!(words(rule, "resources"), ["secrets"], "{}: {rule}", profile.name);
            }
        }
        for rule in bound_everywhere(&profile).iter().flat_map(rules) {
            assert!(!words(rule, "resources").contains(&"secrets"), "{}: everywhere: {rule}", profile.name);
        }
    }
    let allowed = |name: &str| {
        let bindings = Profile::named(name).all("RoleBinding").into_iter();
        let secrets = bindings.filter(|binding| binding["roleRef"]["name"] == "millrace-operator-secrets");
        secrets.map(|binding| binding["metadata"]["namespace"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(allowed("full"), ["shop", "shop-test"]);
    assert_eq!(allowed("default"), Vec::<Value>::new());
}

/// With one namespace to watch there is nothing that holds in all.
#[test]
fn a_namespaced_operator_has_rights_in_two_namespaces_only() {
    let profile = Profile::named("namespaced");
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        assert!(profile.all(kind).is_empty(), "there is a {kind}");
    }
    let places: Vec<_> =
        profile.all("RoleBinding").iter().map(|b| b["metadata"]["namespace"].clone()).collect();
    assert_eq!(places, ["shop", NAMESPACE]);
    let cluster = Profile::named("default").all("ClusterRole");
    let cluster =
        cluster.iter().find(|role| role["metadata"]["name"] == "millrace-operator").expect("a role");
    let own = profile.all("Role");
    let own = own.iter().find(|role| role["metadata"]["namespace"] == "shop").expect("a role");
    let without_secrets: Vec<_> =
        rules(own).iter().filter(|rule| !words(rule, "resources").contains(&"secrets")).collect();
    assert_eq!(without_secrets, rules(cluster).iter().collect::<Vec<_>>(), "the same rights in fewer places");
}

/// A reason stands above every rule.
#[test]
fn every_rule_says_why() {
    for profile in profiles() {
        let text = profile.text(NAMESPACE);
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let above: Vec<_> = (1..lines.len())
            .filter(|i| lines[*i].starts_with("- apiGroups:"))
            .map(|i| lines[i - 1])
            .collect();
        let rules: usize = roles(&profile).iter().map(|role| rules(role).len()).sum();
        assert_eq!(above.len(), rules, "{}", profile.name);
        for above in above {
            assert!(above.starts_with("# "), "{}: a rule below {above:?}", profile.name);
        }
    }
}
