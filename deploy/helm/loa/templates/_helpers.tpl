{{- define "loa.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/*
All parts that run, as JSON: their name, values, port for metrics, and the job that alerts know them by; of workers the pool, too, and its
autoscaling. A pool has all values of `worker` and `keda` that it does not say otherwise.
*/}}
{{- define "loa.parts" -}}
{{- $parts := list (dict "part" "worker" "values" .Values.worker "port" "health" "job" "worker" "pool" "" "keda" .Values.keda) }}
{{- range $pool, $own := .Values.pools }}
{{- $settings := dict "TTS_POOL" $pool "TTS_MODELS" (join "," $own.models) }}
{{- $values := mergeOverwrite (deepCopy $.Values.worker) (dict "settings" $settings) (deepCopy (default dict $own.worker)) }}
{{- $keda := mergeOverwrite (deepCopy $.Values.keda) (deepCopy (default dict $own.keda)) }}
{{- $parts = append $parts (dict "part" (printf "worker-%s" $pool) "values" $values "port" "health" "job" "worker" "pool" $pool "keda" $keda) }}
{{- end }}
{{- range $part, $port := dict "gateway" "http" "webhooks" "health" "reconcile" "health" }}
{{- $values := index $.Values $part }}
{{- if $values.enabled }}
{{- $parts = append $parts (dict "part" $part "values" $values "port" $port "job" (ternary "reconciler" $part (eq $part "reconcile"))) }}
{{- end }}
{{- end }}
{{- toJson $parts }}
{{- end }}

{{/* Takes a dict of root and part. */}}
{{- define "loa.selector" -}}
app.kubernetes.io/name: loa
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "loa.labels" -}}
{{ include "loa.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "loa.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "loa.name" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "loa.image" -}}
image: "{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}"
imagePullPolicy: {{ .image.pullPolicy }}
{{- end }}

{{/* Settings of a pod, those of its part last. Takes root and values. */}}
{{- define "loa.env" -}}
{{- $routes := list }}
{{- range $pool, $own := .root.Values.pools }}
{{- range $own.models }}
{{- $routes = append $routes (printf "%s=%s" . $pool) }}
{{- end }}
{{- end }}
{{- $of_all := ternary (dict "TTS_ROUTES" (join "," $routes)) dict (gt (len $routes) 0) }}
{{- range $name, $value := merge (dict) .values.settings .root.Values.settings $of_all }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{- define "loa.envFrom" -}}
{{- with .Values.secrets }}
{{- if or .existingSecret .values }}
envFrom:
  - secretRef:
      name: {{ default (printf "%s-secrets" (include "loa.name" $)) .existingSecret }}
{{- end }}
{{- end }}
{{- end }}

{{/* What all pods have, before their containers. Takes root and values. */}}
{{- define "loa.pod" -}}
{{- $values := .values }}
serviceAccountName: {{ include "loa.serviceAccount" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- $affinity := deepCopy $values.affinity }}
{{- if .root.Values.persistence.enabled }}
{{- $labels := dict "app.kubernetes.io/name" "loa" "app.kubernetes.io/instance" .root.Release.Name }}
{{- $together := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $labels) }}
{{- $affinity = mergeOverwrite $affinity (dict "podAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $together))) }}
{{- end }}
{{- with $affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Takes root, part and values. */}}
{{- define "loa.podMetadata" -}}
labels: {{- include "loa.labels" . | nindent 2 }}
annotations:
  checksum/secrets: {{ .root.Values.secrets.values | toJson | sha256sum }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "loa.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Where a process that serves no HTTP tells its health and metrics. */}}
{{- define "loa.healthEnv" -}}
- name: TTS_HEALTH_HOST
  value: 0.0.0.0
- name: TTS_HEALTH_PORT
  value: "9100"
{{- end }}

{{/* Takes port, and startupSeconds. */}}
{{- define "loa.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: {{ .port }}}
  periodSeconds: 5
  failureThreshold: {{ max 1 (div .startupSeconds 5) }}
livenessProbe:
  httpGet: {path: /healthz, port: {{ .port }}}
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 4
{{- end }}

{{- define "loa.mounts" -}}
- name: data
  mountPath: /data
- name: tmp
  mountPath: /tmp
{{- end }}

{{- define "loa.volumes" -}}
- name: data
  {{- if .Values.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-data" (include "loa.name" .)) .Values.persistence.existingClaim }}
  {{- else }}
  emptyDir: {}
  {{- end }}
- name: tmp
  emptyDir: {}
{{- end }}

{{- define "loa.check" -}}
{{- if not .Values.settings.TTS_KAFKA_BROKERS }}
{{- fail "settings.TTS_KAFKA_BROKERS is needed: host:port of Kafka's brokers" }}
{{- end }}
{{- if not (or .Values.persistence.enabled (contains "://" (default "" .Values.settings.TTS_STORAGE_DIR))) }}
{{- fail "audio has no place: set settings.TTS_STORAGE_DIR to an object store such as s3://BUCKET/FOLDER, or persistence.enabled" }}
{{- end }}
{{- if and .Values.gateway.enabled (not .Values.gateway.apiKeysSecret) }}
{{- fail "gateway.apiKeysSecret is needed: a Secret with keys.json, as `loa keys create` writes it; or gateway.enabled=false" }}
{{- end }}
{{- if and (gt (int .Values.gateway.replicas) 1) (not (or .Values.secrets.existingSecret .Values.secrets.values.TTS_DATABASE_URL .Values.settings.TTS_DATABASE_URL)) }}
{{- fail "gateway.replicas above 1 share an index in PostgreSQL: set TTS_DATABASE_URL in a Secret, see secrets" }}
{{- end }}
{{- if and .Values.webhooks.enabled (not (or .Values.webhooks.endpointsSecret .Values.secrets.existingSecret .Values.secrets.values.TTS_WEBHOOK_SECRET)) }}
{{- fail "webhooks need TTS_WEBHOOK_SECRET in a Secret, see secrets, or webhooks.endpointsSecret" }}
{{- end }}
{{- if and .Values.pools .Values.settings.TTS_ROUTES }}
{{- fail "settings.TTS_ROUTES is made from the models of pools: leave it out" }}
{{- end }}
{{- $routed := list }}
{{- range $pool, $own := .Values.pools }}
{{- range $own.models }}
{{- if has . $routed }}
{{- fail (printf "pools.%s: another pool speaks %s already" $pool .) }}
{{- end }}
{{- $routed = append $routed . }}
{{- end }}
{{- if gt (len (printf "%s-worker-%s" (include "loa.name" $) $pool)) 50 }}
{{- fail (printf "pools.%s: the name is too long for the names of its pods" $pool) }}
{{- end }}
{{- end }}
{{- if and .Values.secrets.existingSecret .Values.secrets.values }}
{{- fail "secrets.existingSecret and secrets.values exclude each other" }}
{{- end }}
{{- end }}
