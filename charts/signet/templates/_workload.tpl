{{/*
The Deployment of one process. Takes a dict of
  root
  component
  values           the values of the component
  args             the list of arguments
  port             the port of its server (optional)
  tlsSecret        the Secret with its serving certificate (optional)
  apiAccess        whether the process calls the API server
  nodeOptions      flags for Node itself (optional)
  minReadySeconds  (optional)
  secretVolumes    further Secrets to mount below /var/run/signet: a list of dicts of name, secretName and, to mount a
                   single key of the Secret, key and path (optional)
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
  {{- /* The autoscaler sets the replicas. The chart repeats the current number, because the upgrade that enables the
  autoscaler would otherwise scale the Deployment to one replica. */}}
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
      # The variables that kubelet sets for Services would begin with SIGNET_, like those of the settings.
      enableServiceLinks: false
      # After the signal, a replica serves for 15 s more, until it has left the endpoints of its Service.
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
            # The controller writes this Secret within seconds, and kubelet retries the mount until then: 2 s as measured.
            # With optional: true, kubelet would mount an empty volume and refresh it a minute later: 74 s as measured.
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

{{/* The ServiceAccount of one process. Each Deployment sets automountServiceAccountToken itself. */}}
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

{{/* The Service of one process: port 443 for its server, if it has one, and the port of the metrics. */}}
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

{{/* Allows one unavailable replica. A single replica may be evicted too, so that it never blocks the drain of a node. */}}
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

{{/* Scales the replicas by their CPU usage. */}}
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
