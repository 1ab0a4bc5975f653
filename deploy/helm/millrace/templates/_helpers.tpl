{{/* The name of what belongs to the operator: millrace-operator for a release called millrace. */}}
{{- define "millrace.operator" -}}
{{ printf "%s-operator" (.Release.Name | trunc 50 | trimSuffix "-") }}
{{- end }}

{{/* What selects the operator's pods; never changes. */}}
{{- define "millrace.selector" -}}
app.kubernetes.io/name: millrace-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of everything that belongs to the operator. */}}
{{- define "millrace.labels" -}}
{{ include "millrace.selector" . }}
app.kubernetes.io/component: operator
{{ include "millrace.release-labels" . }}
{{- end }}

{{/* Labels of everything in the release. */}}
{{- define "millrace.release-labels" -}}
app.kubernetes.io/part-of: millrace
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{/* What selects a backend's pods; called with (list . "name"). Its pods have no other labels: a new version of the chart
is no reason to restart them. */}}
{{- define "millrace.backend-selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{/* Labels of what belongs to a backend; called with (list . "name"). */}}
{{- define "millrace.backend-labels" -}}
{{ include "millrace.backend-selector" . }}
{{ include "millrace.release-labels" (index . 0) }}
{{- end }}

{{/* The full name of an image of ours; called with (list . "name"). */}}
{{- define "millrace.image" -}}
{{- $values := (index . 0).Values.image -}}
{{- $tag := default (index . 0).Chart.AppVersion $values.tag -}}
{{- with $values.registry }}{{ . }}/{{ end }}{{ index . 1 }}:{{ $tag }}
{{- end }}

{{/* What no container of ours may do: the restricted profile of Pod Security, and no writing to its own files. */}}
{{- define "millrace.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The same for a pod; called with the number of its user. */}}
{{- define "millrace.pod-security" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/*
What the operator may do in a namespace whose pipelines it looks after, and why. Patch and create go together: what it
makes it applies, and to apply what is not there is to create it.
*/}}
{{- define "millrace.namespace-rules" -}}
# Follows the pipelines. Patch is for its finalizer, which a pipeline has only with `deletion: Delete`.
- apiGroups: [millrace.dev]
  resources: [analyticspipelines]
  verbs: [get, list, watch, patch]
# Says how a pipeline is doing.
- apiGroups: [millrace.dev]
  resources: [analyticspipelines/status]
  verbs: [patch]
# Owns what it makes for a pipeline. Some clusters ask for this before an owner can be named that blocks deletion.
- apiGroups: [millrace.dev]
  resources: [analyticspipelines/finalizers]
  verbs: [update]
# Runs processors, views, dashboard and simulator; scales them, repairs them and takes away what is switched off. The
# last pod of a pipeline that takes its keys in Redis with it is run by one too.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Makes the pods of a pipeline reachable, and gives them an identity without a token.
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
# Keeps a drained node from taking all replicas at once.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Shows the dashboard to the world, and closes pods to each other, where a pipeline asks for it.
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# Finds the pods of a pipeline, to ask each for its load and its settings.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Sees that a whole namespace is being deleted: then it waits for nothing.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# Tells what happened to a pipeline.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* The right to read the Secrets that pipelines name. */}}
{{- define "millrace.secret-rules" -}}
# Signs in to a pipeline's Kafka as the pipeline does, to look after its topics, and sees when a Secret has changed. Get
# alone: a Secret must be known by name; there is no list of them.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}

{{/* The operator's service account, as the subject of a binding. */}}
{{- define "millrace.subject" -}}
- kind: ServiceAccount
  name: {{ include "millrace.operator" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
