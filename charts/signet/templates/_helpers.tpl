{{/* The labels of every object. Takes a dict of root and component (optional). */}}
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
JSON: the names of the Secrets with the key-encryption keys of identities and of the authority. The two must differ: the
authority is reachable from the network and must hold no key that decrypts the keys of an identity.
*/}}
{{- define "signet.keyEncryption" -}}
{{- with .Values.keyEncryption -}}
{{- if and .secretName (not .issuingKeysSecretName) -}}
{{- fail "keyEncryption.issuingKeysSecretName: name a second Secret, which holds the key-encryption keys of the authority's issuing keys" -}}
{{- end -}}
{{- if and .secretName (eq .secretName .issuingKeysSecretName) -}}
{{- fail "keyEncryption.issuingKeysSecretName: must not be the same as keyEncryption.secretName: the authority must not hold the keys that decrypt identities' keys" -}}
{{- end -}}
{{ dict "identities" .secretName "authority" .issuingKeysSecretName | toJson }}
{{- end -}}
{{- end -}}

{{/* The user name of the controller at the API server. */}}
{{- define "signet.controllerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:signet-controller
{{- end -}}

{{/* The user name of the authority at the API server. */}}
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

{{/* Selects the namespaces in which the webhook injects and the admission policies apply. */}}
{{- define "signet.namespaceSelector" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ list "kube-system" "kube-public" "kube-node-lease" .Release.Namespace | uniq | toJson }}
  - key: signet.dev/injection
    operator: NotIn
    values: [disabled]
{{- end -}}

{{/* CEL, for matchConditions: excludes the mirrors of static pods, which kubelet creates unchanged. */}}
{{- define "signet.notMirrorPod" -}}
!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)
{{- end -}}
