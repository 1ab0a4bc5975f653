//! What pods may do: as little as possible.

use k8s_openapi::api::core::v1::{
    Capabilities, PodSecurityContext, SeccompProfile, SecurityContext, ServiceAccount,
};

use super::metadata;
use crate::pipeline::Pipeline;

/// The user of the images: a number, because only then can Kubernetes see that it is not root.
const USER: i64 = 65_532;

/// The account of all pods of the pipeline: no rights, and no token to use some.
pub(super) fn service_account(pipeline: &Pipeline) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata::of_pipeline(&pipeline.identity),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

/// What the profile `restricted` of Pod Security asks of a pod. Files from Secrets belong to the group.
pub(super) fn of_pod() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        run_as_group: Some(USER),
        fs_group: Some(USER),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    }
}

/// What the profile asks of a container, and no writing: nothing here needs a file of its own.
pub(super) fn of_container() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }),
        ..SecurityContext::default()
    }
}
