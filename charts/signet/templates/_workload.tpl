{{/*
The Deployment of one process. Takes a dict of
  root, component, values (of the component), args (list),
  port (its own one, if it serves), tlsSecret (if it serves TLS), apiAccess (whether it calls the API server), nodeOptions (flags of Node's own, optional), minReadySeconds (optional),
  secretVolumes (further Secrets to mount below /var/run/signet: a list of dicts of name, secretName and, for one key of it only, key and path).
*/}}
{{- define "signet.deployment" -}}
{{- $name := printf "signet-%s" .component -}}
{{- $root := .root -}}
{{- $volumes := list -}}
{{- with .tlsSecret }}{{ $volumes = append $volumes (dict "name" "tls" "secretName" . "ours" true) }}{{ end -}}
{{- with .secretVolumes }}{{ $volumes = concat $volumes . }}{{ end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "signet.labels" . | nindent 4 }}
spec:
  {{- if not (dig "autoscaling" "enabled" false .values) }}
  replicas: {{ .values.replicas }}
  {{- else }}
  {{- /* The autoscaler's to set. What there is stays: were it left out, the upgrade that enables it would leave one. */}}
  {{- with lookup "apps/v1" "Deployment" $root.Release.Namespace $name }}
  replicas: {{ .spec.replicas }}
  {{- end }}
  {{- end }}
  revisionHistoryLimit: 3
  {{- with .minReadySeconds }}
  minReadySeconds: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "signet.selectorLabels" . | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  template:
    metadata:
      labels:
        {{- with .values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- include "signet.labels" . | nindent 8 }}
      {{- with .values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ $name }}
      automountServiceAccountToken: {{ .apiAccess }}
      # Service variables would be named SIGNET_…, as settings are.
      enableServiceLinks: false
      # Time to leave the Service's endpoints, serve for 15 s more, and end.
      terminationGracePeriodSeconds: 30
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          matchLabelKeys: [pod-template-hash]
          labelSelector:
            matchLabels:
              {{- include "signet.selectorLabels" . | nindent 14 }}
      securityContext:
        {{- include "signet.podSecurityContext" . | nindent 8 }}
      containers:
        - name: {{ .component }}
          image: {{ include "signet.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args:
            - {{ .component }}
            {{- range .args }}
            - {{ . | quote }}
            {{- end }}
            - --log-level={{ $root.Values.logLevel }}
            - --metrics-port=8080
            - --probe-port=8081
          {{- with .nodeOptions }}
          env:
            - name: NODE_OPTIONS
              value: {{ . | quote }}
          {{- end }}
          ports:
            {{- with .port }}
            - name: https
              containerPort: {{ . }}
            {{- end }}
            - name: metrics
              containerPort: 8080
            - name: probes
              containerPort: 8081
          startupProbe:
            httpGet:
              path: /livez
              port: probes
            periodSeconds: 1
            failureThreshold: 60
          livenessProbe:
            httpGet:
              path: /livez
              port: probes
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          readinessProbe:
            httpGet:
              path: /readyz
              port: probes
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 2
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          securityContext:
            {{- include "signet.containerSecurityContext" . | nindent 12 }}
          {{- with $volumes }}
          volumeMounts:
            {{- range . }}
            - name: {{ .name }}
              mountPath: /var/run/signet/{{ .name }}
              readOnly: true
            {{- end }}
          {{- end }}
      {{- with $volumes }}
      volumes:
        {{- range . }}
        - name: {{ .name }}
          secret:
            {{- if .ours }}
            # The controller writes the Secret within seconds, and kubelet retries until then. If the Secret were optional,
            # kubelet would mount an empty volume and read the Secret again only after a minute (measured: 74 s, not 2 s).
            {{- end }}
            secretName: {{ .secretName }}
            defaultMode: 0440
            {{- if .key }}
            items:
              - key: {{ .key }}
                path: {{ .path }}
            {{- end }}
        {{- end }}
      {{- end }}
{{- end -}}

{{/* The ServiceAccount of one process. Its pods decide whether they mount a token. */}}
{{- define "signet.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: signet-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "signet.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end -}}

{{/* The Service of one process: its own port behind 443, if it serves, and metrics. */}}
{{- define "signet.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: signet-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "signet.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "signet.selectorLabels" . | nindent 4 }}
  ports:
    {{- if .port }}
    - name: https
      port: 443
      targetPort: https
    {{- end }}
    - name: metrics
      port: 8080
      targetPort: metrics
{{- end -}}

{{/* One replica at a time may be evicted, also the only one, so that no drain of a node is blocked. */}}
{{- define "signet.podDisruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: signet-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "signet.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "signet.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* Scales the replicas by their CPU time. */}}
{{- define "signet.horizontalPodAutoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: signet-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "signet.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: signet-{{ .component }}
  minReplicas: {{ .values.autoscaling.minReplicas }}
  maxReplicas: {{ .values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .values.autoscaling.targetCPUUtilizationPercentage }}
{{- end -}}
