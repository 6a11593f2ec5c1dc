"""What becomes of each ``c.KubeSpawner`` setting, given that the hub sees another spawner.

JupyterHub talks to ``WorkspaceSpawner``; KubeSpawner is its child and makes the manifests. So each
setting is one of three: read by the child (``POD``), read by the *hub* and therefore handed on to
``WorkspaceSpawner`` (``HUB``), or without meaning here and refused by name (``REFUSED``). A test
holds this table against KubeSpawner's and JupyterHub's own lists: a new setting fails it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubespawner import KubeSpawner
from traitlets.config import Config, LazyConfigValue

from ...catalog import Catalog, Profile
from ...errors import DatalabError

_POD = """
    after_pod_created_hook allow_privilege_escalation automount_service_account_token cmd
    common_labels component_label container_security_context cpu_guarantee cpu_limit
    delete_grace_period dns_name_template env_keep environment extra_annotations
    extra_container_config extra_containers extra_labels extra_pod_config
    extra_resource_guarantees extra_resource_limits fs_gid get_pod_url gid image
    image_pull_policy image_pull_secrets init_containers ip lifecycle_hooks mem_guarantee
    mem_limit modify_pod_hook namespace node_affinity_preferred node_affinity_required node_selector
    pod_affinity_preferred pod_affinity_required pod_anti_affinity_preferred
    pod_anti_affinity_required pod_connect_ip pod_security_context port pre_spawn_hook
    priority_class_name privileged scheduler_name service_account services_enabled
    storage_access_modes storage_capacity storage_class storage_extra_annotations
    storage_extra_labels storage_selector supplemental_gids tolerations uid volume_mounts
    volumes working_dir
"""
POD = frozenset(_POD.split())
"""Read by the child, from ``c.Spawner`` and ``c.KubeSpawner`` as always."""

_HUB = """
    args auth_state_hook consecutive_failure_limit debug default_url disable_user_config
    http_timeout hub_connect_url notebook_dir oauth_client_allowed_scopes oauth_roles
    poll_interval poll_jitter post_stop_hook progress_ready_hook server_token_scopes
"""
HUB = frozenset(_HUB.split())
"""Read by the hub, at moments when no child exists: handed on to ``c.WorkspaceSpawner``."""

_PROFILES = "the catalog's profiles are the choices"
_NAMES = "Datalab's names are injective and recomputable"
_NAMESPACES = "all workspaces run in one namespace"
_TLS = "internal_ssl is not supported for workspaces on Kubernetes"
_HOME = "c.KubernetesPlatform.home says where homes are, one per person"
_CLIENT = "c.KubernetesPlatform.kubeconfig and .context say how to reach the cluster"

REFUSED: dict[str, str] = {
    "additional_profile_form_template_paths": _PROFILES,
    "apply_user_options": _PROFILES,
    "delete_pvc": "a person's data is removed by `datalab offboard`, never by stopping",
    "delete_stopped_pods": "a pod that ended is always removed, after its end was explained",
    "enable_user_namespaces": _NAMESPACES,
    "events_enabled": "the progress page and every message need the events",
    "group_overrides": "give each group a profile of its own: allowed_groups in the catalog",
    "handle_legacy_names": _HOME,
    "hub_connect_ip": "it is deprecated; use c.JupyterHub.hub_connect_url",
    "hub_connect_port": "it is deprecated; use c.JupyterHub.hub_connect_url",
    "k8s_api_host": _CLIENT,
    "k8s_api_request_retry_timeout": "use c.KubernetesPlatform.patience",
    "k8s_api_request_timeout": "use c.KubernetesPlatform.request_timeout",
    "k8s_api_ssl_ca_cert": _CLIENT,
    "k8s_api_threadpool_workers": "it has no effect any more",
    "k8s_api_verify_ssl": _CLIENT,
    "options_form": _PROFILES,
    "options_from_form": _PROFILES,
    "pod_name_template": _NAMES,
    "profile_form_template": _PROFILES,
    "profile_list": _PROFILES,
    "pvc_name_template": _HOME,
    "remember_pvc_name": _HOME,
    "secret_mount_path": _TLS,
    "secret_name_template": _NAMES,
    "slow_spawn_message": "the progress page always says what a start waits for",
    "slow_spawn_message_frequency": "the progress page always says what a start waits for",
    "slow_spawn_message_threshold": "the progress page always says what a start waits for",
    "slug_scheme": _NAMES,
    "ssl_alt_names": _TLS,
    "ssl_alt_names_include_local": _TLS,
    "start_timeout": "set start_timeout in the profile: it differs between profiles",
    "storage_pvc_ensure": _HOME,
    "user_namespace_annotations": _NAMESPACES,
    "user_namespace_labels": _NAMESPACES,
    "user_namespace_template": _NAMESPACES,
}
"""Without meaning under Datalab, and what to use instead."""

_PER_HUB = {"namespace"}
"""Read once, by the platform: no profile can have its own."""

TOLERATED: dict[str, tuple[Any, ...]] = {
    # What zero-to-jupyterhub's own configuration sets although nobody asked for it.
    "start_timeout": (300,),
    "events_enabled": (True,),
    "storage_pvc_ensure": (False,),
    "profile_list": ([],),
}
"""Values of refused settings that change nothing."""


def hand_on(config: Config, catalog: Catalog) -> None:
    """Check ``c.KubeSpawner`` and the profiles, and hand on what the hub reads.

    A value that somebody set under ``c.WorkspaceSpawner`` stays.

    Raises:
        DatalabError: names every setting that is not supported and what to use instead.
    """
    section = config.KubeSpawner if "KubeSpawner" in config else Config()
    problems = [
        f"c.KubeSpawner.{name} is not supported: {why}" for name, why in _refused(section.items())
    ]
    for profile in catalog.profiles:
        problems += _profile_problems(profile)
    if "JupyterHub" in config and config.JupyterHub.get("internal_ssl"):
        problems.append(f"c.JupyterHub.internal_ssl is not supported: {_TLS}")
    if problems:
        raise DatalabError(
            "Workspaces on Kubernetes cannot be configured like this:\n  " + "\n  ".join(problems)
        )
    if "cmd" in config.Spawner:
        # The child's; the hub's spawner has no such trait, and warns at each start.
        config.KubeSpawner.setdefault("cmd", config.Spawner.pop("cmd"))
    for name in sorted(HUB & set(section)):
        if name not in config.WorkspaceSpawner:
            config.WorkspaceSpawner[name] = section[name]


def _refused(settings: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    known = POD | HUB | set(REFUSED)
    found = []
    for name, value in sorted(settings):
        if isinstance(value, LazyConfigValue) and not value.to_dict():
            continue  # somebody only looked at it
        if name not in known:
            found.append((name, "KubeSpawner has no such setting"))
        elif name in REFUSED and not _changes_nothing(name, value):
            found.append((name, REFUSED[name]))
    return found


def _changes_nothing(name: str, value: Any) -> bool:
    trait = KubeSpawner.class_traits()[name]
    return value in (trait.default_value, None, "") or value in TOLERATED.get(name, ())


def _profile_problems(profile: Profile) -> list[str]:
    if profile.kubernetes is None:
        return []
    place = f"profile {profile.name!r}: kubernetes.kubespawner"
    problems = []
    for name, value in sorted(profile.kubernetes.kubespawner.items()):
        if name in HUB:
            problems.append(
                f"{place}.{name}: the hub reads it before a profile is chosen; set "
                f"c.KubeSpawner.{name} for all"
            )
        elif name in REFUSED:
            problems.append(f"{place}.{name} is not supported: {REFUSED[name]}")
        elif name in _PER_HUB:
            problems.append(f"{place}.{name}: all workspaces run in one namespace")
        elif name not in POD:
            problems.append(f"{place}.{name}: KubeSpawner has no such setting")
        elif name.endswith("_hook") or name == "get_pod_url":
            problems.append(f"{place}.{name}: a catalog holds no code; set c.KubeSpawner.{name}")
        else:
            try:
                trait = KubeSpawner.class_traits()[name]
                trait._validate(KubeSpawner.__new__(KubeSpawner), value)
            except Exception as error:  # noqa: BLE001  # TraitError, or what a validator of KubeSpawner raises
                problems.append(f"{place}.{name}: {error}")
    return problems
