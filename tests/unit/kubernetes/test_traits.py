"""What becomes of each KubeSpawner setting."""

from __future__ import annotations

import ast
import inspect
import re

import jupyterhub.user
import pytest
from datalab_hub.errors import DatalabError
from datalab_hub.spawner import WorkspaceSpawner
from datalab_hub.spawner.kubernetes.traits import HUB, POD, REFUSED, TOLERATED, hand_on
from fakes.kubernetes.site import CATALOG, catalog_of
from jupyterhub.handlers import base, pages
from jupyterhub.spawner import Spawner
from kubespawner import KubeSpawner
from traitlets.config import Config

SETTINGS = set(KubeSpawner.class_traits(config=True))


def handed_on(catalog=CATALOG, **settings):
    config = Config({"KubeSpawner": settings})
    hand_on(config, catalog_of(catalog))
    return config


def test_every_setting_of_kubespawner_has_exactly_one_place():
    assert set(REFUSED) | POD | HUB == SETTINGS
    assert not (POD & HUB or POD & set(REFUSED) or HUB & set(REFUSED))
    assert set(TOLERATED) <= set(REFUSED)


def test_every_setting_that_is_handed_on_is_one_that_the_hubs_spawner_has():
    assert set(WorkspaceSpawner.class_traits(config=True)) >= HUB


def test_what_the_hub_itself_reads_from_a_spawner_is_handed_on_or_refused():
    """A setting that the hub reads and that only the child had would silently do nothing."""
    read = set()
    for module in (jupyterhub.user, base, pages):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                read |= {node.attr} if node.value.id in {"spawner", "current_spawner"} else set()
    by_the_hub = read & set(Spawner.class_traits(config=True))
    # ip and port come through the context, hooks for starting are run on the child
    assert by_the_hub - HUB - set(REFUSED) <= {"ip", "port", "pre_spawn_hook"}
    assert by_the_hub, "the hub's source was read"


def test_what_the_hub_reads_is_handed_on():
    config = handed_on(http_timeout=7, args=["--debug"])
    assert config.WorkspaceSpawner.http_timeout == 7
    assert config.WorkspaceSpawner.args == ["--debug"]


def test_what_was_set_for_the_workspace_spawner_stays():
    config = Config({"KubeSpawner": {"http_timeout": 7}, "WorkspaceSpawner": {"http_timeout": 9}})
    hand_on(config, catalog_of())
    assert config.WorkspaceSpawner.http_timeout == 9


def test_what_only_pods_need_stays_with_the_child():
    assert "uid" not in handed_on(uid=1001).WorkspaceSpawner


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_setting_without_meaning_here_is_refused_by_name(name):
    trait = KubeSpawner.class_traits()[name]
    value = not trait.default_value if isinstance(trait.default_value, bool) else "something"
    with pytest.raises(DatalabError, match=re.escape(f"c.KubeSpawner.{name} is not supported")):
        handed_on(**{name: value})


def test_a_setting_that_does_not_exist_is_refused_by_name():
    with pytest.raises(DatalabError, match=r"imagee.*no such setting"):
        handed_on(imagee="x")


def test_all_problems_are_said_at_once():
    with pytest.raises(DatalabError) as refused:
        handed_on(profile_list=[{"display_name": "x"}], slug_scheme="escape", imagee="x")
    for name in ("profile_list", "slug_scheme", "imagee"):
        assert name in str(refused.value)


def test_what_zero_to_jupyterhub_sets_by_itself_is_let_pass():
    handed_on(
        namespace="here",
        start_timeout=300,
        events_enabled=True,
        storage_pvc_ensure=False,
        profile_list=[],
    )


def test_the_command_is_the_childs_and_the_hubs_spawner_is_not_asked_about_it():
    """zero-to-jupyterhub sets ``c.Spawner.cmd``, and JupyterHub warns of what it does not know."""
    config = Config({"Spawner": {"cmd": ["datalab-workspace"]}})
    hand_on(config, catalog_of())
    assert config.KubeSpawner.cmd == ["datalab-workspace"]
    assert "cmd" not in config.Spawner


def test_internal_ssl_is_refused_by_name():
    config = Config({"JupyterHub": {"internal_ssl": True}})
    with pytest.raises(DatalabError, match="internal_ssl"):
        hand_on(config, catalog_of())


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("{imagee: x}", "no such setting"),
        ("{http_timeout: 7}", "before a profile is chosen"),
        ("{profile_list: []}", "not supported"),
        ("{namespace: other}", "one namespace"),
        ("{modify_pod_hook: x}", "holds no code"),
        ("{uid: [x]}", "uid"),
    ],
)
def test_a_profiles_overrides_are_checked_at_start_up(override, says):
    catalog = f"{CATALOG}    kubernetes: {{kubespawner: {override}}}\n"
    with pytest.raises(DatalabError, match=r"'small': kubernetes.kubespawner") as refused:
        handed_on(catalog)
    assert says in str(refused.value)


def test_a_profiles_right_overrides_pass():
    handed_on(f"{CATALOG}    kubernetes: {{kubespawner: {{extra_labels: {{team: blue}}}}}}\n")
