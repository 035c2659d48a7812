{{/*
CEL: no element of a list names a Secret signet.* other than the pod's own. Takes a dict of
  each  the list
  in    the path from an element to an inner list (optional)
  of    the path of the reference
  name  the field of the reference that holds the Secret's name (default: name)
The expression tests each field on the path with has(), because an evaluation error would reject the pod.
*/}}
{{- define "signet.onlyOwnSecret" -}}
{{- $inner := "o" -}}
{{- if .in -}}
{{- $inner = "i" -}}
{{ .each }}.all(o, {{ include "signet.lacks" (dict "object" "o" "path" .in) }} || o.{{ .in }}.all(i, {{ else -}}
{{ .each }}.all(o, {{ end -}}
{{- $path := printf "%s.%s" .of (.name | default "name") -}}
{{ include "signet.lacks" (dict "object" $inner "path" $path) }} || !{{ $inner }}.{{ $path }}.startsWith('signet.') || {{ $inner }}.{{ $path }} == variables.own)
{{- if .in }}){{ end -}}
{{- end -}}

{{/* CEL: the object lacks a field of the path. */}}
{{- define "signet.lacks" -}}
{{- $at := .object -}}
{{- range $index, $field := splitList "." .path -}}
{{- $at = printf "%s.%s" $at $field -}}
{{- if $index }} || {{ end }}!has({{ $at }})
{{- end -}}
{{- end -}}

{{- define "signet.onlyOwnSecretMessage" -}}
message: {{ . }} names the Secret of another identity; a pod may use only the Secret of its own serviceAccountName
messageExpression: >-
  '{{ . }} names the Secret of another identity; a pod of the ServiceAccount ' + variables.account + ' may use only ' +
  variables.own + '; set serviceAccountName to the identity that the pod needs'
{{- end -}}
