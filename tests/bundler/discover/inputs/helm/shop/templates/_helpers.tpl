{{- define "shop.image" -}}
{{- $image := .Values.image -}}
{{ $image.registry }}/{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
