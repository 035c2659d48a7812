{{- define "signet.controllerSubject" -}}
subjects:
  - kind: ServiceAccount
    name: signet-controller
    namespace: {{ .Release.Namespace }}
{{- end -}}
{{/* What the controller needs wherever it serves identities. */}}
{{- define "signet.controllerRules" -}}
rules:
  - apiGroups: [signet.dev]
    resources: [serviceidentities]
    verbs: [get, list, watch]
  - apiGroups: [signet.dev]
    resources: [serviceidentities/status]
    verbs: [patch]
  # Some clusters ask for this before a Secret may name its ServiceIdentity as its owner.
  - apiGroups: [signet.dev]
    resources: [serviceidentities/finalizers]
    verbs: [update]
  # The controller deletes a TokenRevocation once nothing that it names can be alive.
  - apiGroups: [signet.dev]
    resources: [tokenrevocations]
    verbs: [list, watch, delete]
  - apiGroups: [signet.dev]
    resources: [tokenrevocations/status]
    verbs: [patch]
  # RBAC cannot narrow these by a part of the name; admission policies narrow what may be written. Nothing is deleted: the
  # garbage collector deletes a Secret with its ServiceIdentity.
  - apiGroups: [""]
    resources: [secrets]
    verbs: [get, list, watch, create, update]
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, watch]
  # The nudge, an annotation; an admission policy allows no other change.
  - apiGroups: [""]
    resources: [pods/status]
    verbs: [patch]
  - apiGroups: [events.k8s.io]
    resources: [events]
    verbs: [create, patch]
{{- end -}}
{{- define "signet.authoritySubject" -}}
subjects:
  - kind: ServiceAccount
    name: signet-authority
    namespace: {{ .Release.Namespace }}
{{- end -}}
{{/* What the authority needs wherever identities are served: a revocation is created, never changed or deleted. */}}
{{- define "signet.authorityRevocationRules" -}}
rules:
  - apiGroups: [signet.dev]
    resources: [tokenrevocations]
    verbs: [get, list, watch, create]
{{- end -}}
