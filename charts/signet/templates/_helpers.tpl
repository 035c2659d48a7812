{{/* Labels of every object; takes a dict of root and, where there is one, component. */}}
{{- define "signet.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{ include "signet.selectorLabels" . }}
{{- end -}}

{{- define "signet.selectorLabels" -}}
app.kubernetes.io/name: signet
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "signet.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "signet.issuer" -}}
{{- .Values.issuer.url | default (printf "https://signet-authority.%s.svc" .Release.Namespace) -}}
{{- end -}}

{{/*
JSON: the Secrets with the key-encryption keys, of identities and of the authority. Not the same one: the authority faces
the network and must hold nothing that decrypts an identity's keys.
*/}}
{{- define "signet.keyEncryption" -}}
{{- with .Values.keyEncryption -}}
{{- if and .secretName (not .authoritySecretName) -}}
{{- fail "keyEncryption.authoritySecretName: name a second Secret, with key-encryption keys of the authority's own" -}}
{{- end -}}
{{- if and .secretName (eq .secretName .authoritySecretName) -}}
{{- fail "keyEncryption.authoritySecretName: must not be secretName: the authority must not hold what decrypts identities' keys" -}}
{{- end -}}
{{ dict "identities" .secretName "authority" .authoritySecretName | toJson }}
{{- end -}}
{{- end -}}

{{/* The user name of the controller, as the API server sees it. */}}
{{- define "signet.controllerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:signet-controller
{{- end -}}

{{/* The same of the authority. */}}
{{- define "signet.authorityUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:signet-authority
{{- end -}}

{{- define "signet.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "signet.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Namespaces that the webhook and the admission policies exclude. */}}
{{- define "signet.namespaceSelector" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ list "kube-system" "kube-public" "kube-node-lease" .Release.Namespace | uniq | toJson }}
  - key: signet.dev/injection
    operator: NotIn
    values: [disabled]
{{- end -}}

{{/* CEL, for matchConditions: mirror pods of static pods must be neither changed nor checked. */}}
{{- define "signet.notMirrorPod" -}}
!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)
{{- end -}}
