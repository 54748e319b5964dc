"""Custom resources whose fields for images are public knowledge. A table; nothing is read here.

Only kinds whose own API reference names the field. What is not here is found by the scan, which
reports, or by `image_paths`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_MONITORING = ("spec.image", "spec.containers[].image", "spec.initContainers[].image")
_ARGO = (
    "container.image",
    "script.image",
    "containerSet.containers[].image",
    "initContainers[].image",
    "sidecars[].image",
)
_ARGO_WORKFLOW = tuple(f"spec.templates[].{path}" for path in _ARGO) + tuple(
    f"spec.templateDefaults.{path}" for path in _ARGO
)
_TASK = ("steps[].image", "sidecars[].image", "stepTemplate.image")
_PIPELINE = tuple(f"{tasks}[].taskSpec.{path}" for tasks in ("tasks", "finally") for path in _TASK)
_SPARK = ("image", "driver.image", "executor.image")
_GPU_OPERATOR = (
    "toolkit",
    "devicePlugin",
    "dcgm",
    "dcgmExporter",
    "gfd",
    "migManager",
    "nodeStatusExporter",
    "validator",
    "sandboxDevicePlugin",
    "vfioManager",
    "vgpuDeviceManager",
    "kataManager",
    "ccManager",
)

_OPERATORS: Final[Mapping[str, tuple[str, ...]]] = {
    "monitoring.coreos.com Prometheus": (*_MONITORING, "spec.thanos.image"),
    "monitoring.coreos.com PrometheusAgent Alertmanager ThanosRuler": _MONITORING,
    "argoproj.io Workflow WorkflowTemplate ClusterWorkflowTemplate": _ARGO_WORKFLOW,
    "argoproj.io CronWorkflow": tuple(
        path.replace("spec.", "spec.workflowSpec.", 1) for path in _ARGO_WORKFLOW
    ),
    "tekton.dev Task ClusterTask": tuple(f"spec.{path}" for path in _TASK),
    "tekton.dev TaskRun": tuple(f"spec.taskSpec.{path}" for path in _TASK),
    "tekton.dev Pipeline": tuple(f"spec.{path}" for path in _PIPELINE),
    "tekton.dev PipelineRun": tuple(f"spec.pipelineSpec.{path}" for path in _PIPELINE),
    "tekton.dev StepAction": ("spec.image",),
    "serving.knative.dev Revision": (
        "spec.containers[].image",
        "spec.initContainers[].image",
    ),
    "kafka.strimzi.io Kafka": (
        "spec.kafka.image",
        "spec.zookeeper.image",
        "spec.entityOperator.topicOperator.image",
        "spec.entityOperator.userOperator.image",
        "spec.cruiseControl.image",
        "spec.kafkaExporter.image",
    ),
    "kafka.strimzi.io KafkaConnect KafkaMirrorMaker2 KafkaBridge": ("spec.image",),
    "postgresql.cnpg.io Cluster": ("spec.imageName",),
    "postgresql.cnpg.io ImageCatalog ClusterImageCatalog": ("spec.images[].image",),
    "acid.zalan.do postgresql": ("spec.dockerImage", "spec.sidecars[].image"),
    "elasticsearch.k8s.elastic.co Elasticsearch": ("spec.image",),
    "kibana.k8s.elastic.co Kibana": ("spec.image",),
    "apm.k8s.elastic.co ApmServer": ("spec.image",),
    "beat.k8s.elastic.co Beat": ("spec.image",),
    "agent.k8s.elastic.co Agent": ("spec.image",),
    "logstash.k8s.elastic.co Logstash": ("spec.image",),
    "rabbitmq.com RabbitmqCluster": ("spec.image",),
    "sparkoperator.k8s.io SparkApplication": tuple(f"spec.{path}" for path in _SPARK),
    "sparkoperator.k8s.io ScheduledSparkApplication": tuple(
        f"spec.template.{path}" for path in _SPARK
    ),
    "flink.apache.org FlinkDeployment": ("spec.image",),
    "kubevirt.io VirtualMachine": ("spec.template.spec.volumes[].containerDisk.image",),
    "kubevirt.io VirtualMachineInstance": ("spec.volumes[].containerDisk.image",),
    "opentelemetry.io OpenTelemetryCollector": ("spec.image",),
    "opentelemetry.io Instrumentation": tuple(
        f"spec.{language}.image" for language in ("java", "nodejs", "python", "dotnet", "go")
    ),
    "operators.coreos.com ClusterServiceVersion": ("spec.relatedImages[].image",),
    "operators.coreos.com CatalogSource": ("spec.image",),
    "pkg.crossplane.io Provider Configuration Function": ("spec.package",),
    "ceph.rook.io CephCluster": ("spec.cephVersion.image",),
    "nvidia.com ClusterPolicy": tuple(f"spec.{part}" for part in _GPU_OPERATOR),
    "apps.nvidia.com NIMService": ("spec.image",),
    "apps.nvidia.com NIMCache": ("spec.source.ngc.modelPuller",),
    "serving.kserve.io InferenceService": tuple(
        f"spec.{part}.containers[].image" for part in ("predictor", "transformer", "explainer")
    ),
    "serving.kserve.io ServingRuntime ClusterServingRuntime": ("spec.containers[].image",),
}

IMAGE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        f"{kind}.{kinds.split()[0]}": paths
        for kinds, paths in _OPERATORS.items()
        for kind in kinds.split()[1:]
    }
)
"""Paths by `Kind.group`; see `path`. A path may lead to a mapping with repository and
tag apart."""

CHOSEN_BY_OPERATOR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Prometheus.monitoring.coreos.com": "spec.image",
        "PrometheusAgent.monitoring.coreos.com": "spec.image",
        "Alertmanager.monitoring.coreos.com": "spec.image",
        "ThanosRuler.monitoring.coreos.com": "spec.image",
        "Kafka.kafka.strimzi.io": "spec.kafka.image",
        "KafkaConnect.kafka.strimzi.io": "spec.image",
        "Cluster.postgresql.cnpg.io": "spec.imageName",
        "postgresql.acid.zalan.do": "spec.dockerImage",
        "Elasticsearch.elasticsearch.k8s.elastic.co": "spec.image",
        "Kibana.kibana.k8s.elastic.co": "spec.image",
        "Logstash.logstash.k8s.elastic.co": "spec.image",
        "RabbitmqCluster.rabbitmq.com": "spec.image",
        "OpenTelemetryCollector.opentelemetry.io": "spec.image",
        "ClusterPolicy.nvidia.com": "spec.driver",
    }
)
"""Kinds whose operator runs an image of its own choice where this field is not set."""

NAMED_ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "HelmRelease.helm.toolkit.fluxcd.io": "a chart",
        "HelmChart.helm.cattle.io": "a chart",
        "Application.argoproj.io": "a chart or folder",
        "ApplicationSet.argoproj.io": "charts or folders",
        "Kustomization.kustomize.toolkit.fluxcd.io": "a kustomization",
        "Subscription.operators.coreos.com": "an operator",
    }
)
"""Kinds that install what is written elsewhere, so that its images are not seen."""
