{{- define "signet.controllerSubject" -}}
subjects:
  - kind: ServiceAccount
    name: signet-controller
    namespace: {{ .Release.Namespace }}
{{- end -}}
{{/* The rights of the controller in each served namespace. */}}
{{- define "signet.controllerRules" -}}
rules:
  - apiGroups: [signet.dev]
    resources: [serviceidentities]
    verbs: [get, list, watch]
  - apiGroups: [signet.dev]
    resources: [serviceidentities/status]
    verbs: [patch]
  # The admission plugin OwnerReferencesPermissionEnforcement requires this verb for the owner reference of a Secret.
  - apiGroups: [signet.dev]
    resources: [serviceidentities/finalizers]
    verbs: [update]
  # The controller deletes a revocation after every token that it revokes has expired.
  - apiGroups: [signet.dev]
    resources: [tokenrevocations]
    verbs: [list, watch, delete]
  - apiGroups: [signet.dev]
    resources: [tokenrevocations/status]
    verbs: [patch]
  # RBAC cannot match a prefix of a name, so an admission policy restricts which Secrets the controller may write. The
  # garbage collector deletes a Secret with its ServiceIdentity, so the controller needs no verb delete.
  - apiGroups: [""]
    resources: [secrets]
    verbs: [get, list, watch, create, update]
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, watch]
  # For the annotation signet.dev/nudge; an admission policy allows no other change.
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
{{/* The rights of the authority in each served namespace: it creates revocations and never changes or deletes one. */}}
{{- define "signet.authorityRevocationRules" -}}
rules:
  - apiGroups: [signet.dev]
    resources: [tokenrevocations]
    verbs: [get, list, watch, create]
{{- end -}}
