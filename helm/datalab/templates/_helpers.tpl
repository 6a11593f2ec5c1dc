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
