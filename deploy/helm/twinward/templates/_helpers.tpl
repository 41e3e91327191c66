{{- define "twinward.selector" -}}
app.kubernetes.io/name: twinward
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "twinward.labels" -}}
{{ include "twinward.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "twinward.name" -}}
{{- if eq .Release.Name "twinward" }}twinward{{ else }}{{ printf "%s-twinward" .Release.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* The gateway's configuration: what the values say, then `config` over it. */}}
{{- define "twinward.config" -}}
{{- $secrets := "/run/secrets/twinward" }}
{{- $config := dict
    "http_server" (dict "listen_addr" "0.0.0.0:8080" "tls_config" "terminated_by_proxy" "trusted_proxies" .Values.trustedProxies "force_https" true)
    "devops" (dict
        "listen_addr" "0.0.0.0:8081"
        "tls_config" (dict "cert" "/run/secrets/operators-tls/tls.crt" "key" "/run/secrets/operators-tls/tls.key")
        "trusted_proxies" list
        "devops_passwords" (list (dict "file" (printf "%s/operator-password-hash" $secrets)))
        "metrics_token" (dict "file" (printf "%s/metrics-token" $secrets)))
    "store" (dict "path" "/data")
    "logging" (dict "level" "info" "format" "json") }}
{{- if eq .Values.trust "preAuthenticated" }}
{{- $trusted := dict "enabled" true "trusted_proxies" .Values.trustedProxies "subject_prefixes" (list "nginx") "single_subject" true }}
{{- if .Values.proxyProof }}
{{- $_ := set $trusted "assertion" (dict "secret" (dict "file" (printf "%s/proxy-proof" $secrets))) }}
{{- end }}
{{- $_ := set $config "auth" (dict "chain" (list "pre_authenticated") "pre_authenticated" $trusted) }}
{{- else }}
{{- $auth := dict "chain" (list "jwt" "api_key") }}
{{- if .Values.issuers }}
{{- $_ := set $auth "oauth" (dict "openid_connect_issuers" .Values.issuers) }}
{{- end }}
{{- $_ := set $config "auth" $auth }}
{{- end }}
{{- mergeOverwrite $config .Values.config | toYaml }}
{{- end }}
