{{- define "datalab.labels" -}}
app.kubernetes.io/name: datalab
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* What makes this installation's workspaces known as its own: a label value. */}}
{{- define "datalab.instance" -}}
{{- printf "%s-%s" .Release.Namespace .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "datalab.hub-serviceaccount" -}}
{{- $account := .Values.jupyterhub.hub.serviceAccount | default dict }}
{{- $account.name | default "hub" }}
{{- end }}

{{- define "datalab.hub-image" -}}
{{- $image := .Values.jupyterhub.hub.image }}
{{- .Values.hubImage | default (printf "%s:%s" $image.name $image.tag) }}
{{- end }}

{{- /* Where jobs of SageMaker come from: a list of CIDRs. */}}
{{- define "datalab.job-networks" -}}
{{- .Values.sagemaker.networks | default (list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16" "100.64.0.0/10") | toYaml }}
{{- end }}

{{- /* Whether there is a broker, and a way to it for jobs: nothing, or something. */}}
{{- define "datalab.broker-for-jobs" -}}
{{- if and .Values.catalog.data_sources (ne .Values.sagemaker.broker.service.type "ClusterIP") }}yes{{ end }}
{{- end }}

{{- /* The port of the address at which jobs find the broker; its own while none is known. */}}
{{- define "datalab.broker-port-for-jobs" -}}
{{- $url := urlParse .Values.sagemaker.broker.url }}
{{- $usual := get (dict "https" "443" "http" "80") $url.scheme | default "8082" }}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default $usual }}
{{- end }}

{{- /* What the "restricted" pod security standard asks of a container. */}}
{{- define "datalab.restricted" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
seccompProfile:
  type: RuntimeDefault
{{- end }}
