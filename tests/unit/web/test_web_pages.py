"""The pages, rendered as the hub renders them, for people with and without workspaces."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from datalab_hub.spawner.problems import StartRefused
from datalab_hub.web import STATIC_PATH, TEMPLATE_PATHS
from datalab_hub.web.cards import cards
from datalab_hub.web.view import View
from web_fakes import FakeUser, make_site, render

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def user(site):
    return FakeUser(site)


def soup(html):
    return BeautifulSoup(html, "html.parser")


def words(tag):
    return " ".join(tag.get_text(" ").split())


def home(site, user):
    return soup(render(site, "home.html", user))


# -- the cards ------------------------------------------------------------------------------


def test_a_card_says_what_is_inside_how_big_it_is_and_what_it_costs(site, user):
    gpu, small = (home(site, user).find(attrs={"aria-labelledby": f"card-{name}"})
                  for name in ("gpu", "small"))  # fmt: skip
    for text in ("Small", "Notebooks.", "1 core", "2 GiB memory", "0.06 EUR per hour", "pandas"):
        assert text in words(small)
    for text in ("8 cores", "2 × A10G", "1.85 EUR per hour"):
        assert text in words(gpu)


def test_only_what_the_groups_allow_is_offered(site):
    assert "For the few" not in home(site, FakeUser(site)).text
    assert "For the few" in home(site, FakeUser(site, groups=("few",))).text


def test_the_card_used_last_comes_first_and_says_so(site):
    assert [card.name for card in cards(site, "ann", [])] == ["small", "gpu"]
    site.ledger.begin("ann", "", "t", "gpu", "local", None)
    first, second = cards(site, "ann", [])
    assert (first.name, first.last_used, second.last_used) == ("gpu", True, False)
    assert not any(card.last_used for card in cards(site, "bob", []))


def test_the_expected_start_comes_from_everybodys_past_starts(site, user):
    assert "usually ready" not in home(site, user).text
    began = datetime(2026, 1, 1, tzinfo=UTC)
    run = site.ledger.begin("bob", "", "t", "gpu", "local", None, began)
    site.ledger.ready(run, began + timedelta(minutes=4))
    card = home(site, user).find(attrs={"aria-labelledby": "card-gpu"})
    assert "usually ready in 4 min" in words(card)


def test_without_any_card_the_page_names_the_groups_and_whom_to_ask():
    site = make_site("profiles: [{name: x, title: X, allowed_groups: [few]}]")
    alone = words(home(site, FakeUser(site)).main)
    assert "you are in none" in alone
    assert "Ask the person who runs Datalab" in alone
    assert "(staff, students)" in words(
        home(site, FakeUser(site, groups=("students", "staff"))).main
    )


# -- the workspaces -------------------------------------------------------------------------


def test_a_running_workspace_shows_since_when_its_cost_and_when_it_stops(site, user):
    user.add("", title="Churn")
    row = home(site, user).find(class_="row")
    for text in (
        "Churn",
        "Small",
        "running for 2 h",
        "0.12 EUR so far",
        "Stops in 1 h 30 min unless",
    ):
        assert text in words(row)
    assert row.find("a", class_="primary")["href"] == "/user/ann/lab"


def test_the_earlier_of_idle_timeout_and_longest_run_is_shown(site, user):
    user.add("", profile="gpu", began_ago=timedelta(hours=11))
    assert "Stops in 1 h in any case" in words(home(site, user).find(class_="row"))


def test_a_workspace_without_limits_says_that_it_runs_until_stopped(site):
    user = FakeUser(site, groups=("few",))
    user.add("", profile="secret")
    assert "Runs until you stop it" in words(home(site, user).find(class_="row"))


def test_a_stopped_named_workspace_can_be_started_again_or_forgotten(site, user):
    user.add("churn", state="stopped", title="Churn")
    row = home(site, user).find(class_="row")
    targets = [form["action"] for form in row.find_all("form")]
    assert targets == ["/hub/datalab/workspaces", "/hub/datalab/workspaces/forget"]
    assert all(form.find(attrs={"name": "server"})["value"] == "churn" for form in
               row.find_all("form"))  # fmt: skip


def test_a_starting_workspace_leads_to_its_progress_page(site, user):
    user.add("churn", state="starting")
    user.add("", state="starting")
    links = [row.find("a")["href"] for row in home(site, user).find_all(class_="row")]
    # With a slash at its end the second one would lead nowhere.
    assert sorted(links) == ["/hub/spawn-pending/ann", "/hub/spawn-pending/ann/churn"]


def test_running_workspaces_come_before_stopped_ones(site, user):
    user.add("a", state="stopped", title="A")
    user.add("z", title="Z")
    assert [words(title) for title in home(site, user).select(".row h2")] == ["Z", "A"]


# -- the other pages ------------------------------------------------------------------------


def test_the_progress_page_knows_its_events_and_can_cancel(site, user):
    spawner = user.add("churn", state="starting", title="Churn")
    page = soup(render(site, "spawn_pending.html", user, spawner=spawner, progress_url="/p?a&b"))
    section = page.find(id="progress")
    assert section["data-events"] == "/p?a&b"
    assert section["data-home"] == "/user/ann/churn/"
    assert page.find(id="message")["aria-live"] == "polite"
    cancel = page.find(id="cancel")
    assert cancel["action"] == "/hub/datalab/workspaces/stop"
    assert cancel.find(attrs={"name": "server"})["value"] == "churn"


def test_after_a_restart_what_ran_is_coming_back_and_is_not_started_again(site, user):
    spawner = user.add("churn", state="starting", title="Churn")
    spawner.pending = "check"
    for ran, heading, button in ((True, "Churn is coming back", "Stop it"),
                                 (False, "Starting Churn", "Cancel")):  # fmt: skip
        spawner.run = SimpleNamespace(ready=datetime.now(UTC) if ran else None)
        page = soup(render(site, "spawn_pending.html", user, spawner=spawner, progress_url="/p"))
        assert page.find("h1").get_text() == heading
        assert page.find(id="cancel").find("button").get_text() == button
        assert (page.find(id="elsewhere") is None) or not ran


SLOW_AND_QUICK = """
profiles:
  - {name: quick, title: Quick}
  - {name: minutes, title: Minutes, start_timeout: 20m}
  - {name: hours, title: Hours, start_timeout: 2h}
  - {name: secret, title: For the few, allowed_groups: [few]}
"""


def offered(page):
    """Return the cards that a page offers instead: in sight, and folded."""
    section = page.find(id="elsewhere")
    folded = section.find_all("details") if section else []
    inside = [field["value"] for one in folded for field in one.find_all(attrs={"name": "profile"})]
    every = section.find_all(attrs={"name": "profile"}) if section else []
    return [field["value"] for field in every if field["value"] not in inside], inside


def test_a_slow_start_offers_the_quick_cards_and_a_quick_one_keeps_them_for_later():
    site = make_site(SLOW_AND_QUICK)
    user = FakeUser(site)
    for profile, hidden, expected in (
        ("minutes", False, (["quick"], ["hours"])),
        ("quick", True, (["minutes", "hours"], [])),
    ):
        spawner = user.add("churn", state="starting", profile=profile)
        page = soup(render(site, "spawn_pending.html", user, spawner=spawner, progress_url="/p"))
        assert offered(page) == expected
        section = page.find(id="elsewhere")
        assert section.has_attr("hidden") is hidden
        for form in section.find_all("form"):
            assert form["action"] == "/hub/datalab/workspaces/move"
            fields = {field["name"]: field["value"] for field in form.find_all("input")}
            assert fields | {"profile": ""} == {
                "_xsrf": "the-token", "server": "churn", "user": "ann", "profile": "",
            }  # fmt: skip


def test_experience_decides_what_is_quick():
    site = make_site(SLOW_AND_QUICK)
    user = FakeUser(site)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for profile, seconds in (("quick", 200), ("hours", 2)):
        run = site.ledger.begin("bob", "", "t", profile, "local", None, began)
        site.ledger.ready(run, began + timedelta(seconds=seconds))
    spawner = user.add("churn", state="starting", profile="minutes")
    page = soup(render(site, "spawn_pending.html", user, spawner=spawner, progress_url="/p"))
    assert offered(page) == (["hours"], ["quick"])


def test_a_failed_start_offers_the_other_cards_of_the_groups():
    site = make_site(SLOW_AND_QUICK)
    for groups, expected in (((), ["quick"]), (("few",), ["quick", "secret"])):
        user = FakeUser(site, groups=groups)
        user.add("churn", state="stopped", profile="minutes")
        page = soup(render(site, "not_running.html", user, server_name="churn", failed=True))
        assert offered(page) == (expected, ["hours"])


def test_where_there_is_no_other_card_none_is_offered():
    site = make_site("profiles: [{name: x, title: X}]")
    user = FakeUser(site)
    user.add("", state="stopped", profile="x")
    page = soup(render(site, "not_running.html", user, server_name="", failed=True))
    assert page.find(id="elsewhere") is None


def test_a_failed_start_shows_what_happened_what_to_do_and_a_way_on(site, user):
    problem = StartRefused("No node has 1 GPU free.", reason="capacity", hint="Try Small.")
    page = soup(render(site, "not_running.html", user, server_name="churn", failed=True,
                       failed_html_message=problem.jupyterhub_html_message))  # fmt: skip
    alert = page.find(role="alert")
    assert words(alert) == "No node has 1 GPU free. Try Small."
    actions = page.find(class_="actions")
    assert [words(tag) for tag in actions.find_all(["button", "a"])] == [
        "Try again",
        "Your workspaces",
    ]


@pytest.mark.parametrize(
    ("status", "message", "shown"),
    [
        (403, "Small is for the group few.", "Small is for the group few."),
        (404, "", "The address may be misspelt"),
        (500, "", "tell the person who runs Datalab"),
    ],
)
def test_an_error_page_says_what_to_do_and_leads_home(site, user, status, message, shown):
    # JupyterHub passes no status message for an address that it does not know.
    context = {"status_code": status, "status_message": None, "message": message}
    html = render(site, "error.html", user, **context)
    page = soup(html)
    assert shown in words(page.find(role="alert"))
    assert page.find("a", class_="primary")["href"] == "/hub/home"
    assert "None" not in page.text


def test_an_error_page_says_nothing_twice(site, user):
    said = "first: expected a date such as 2026-01-31"
    context = {"status_code": 400, "status_message": said, "message": said}
    assert soup(render(site, "error.html", user, **context)).body.text.count(said) == 1


def test_a_workspace_that_stops_shows_no_time_and_offers_nothing(site, user):
    user.add("", state="stopping", title="Churn")
    row = home(site, user).find(class_="row")
    assert "stopping for" not in words(row)
    assert not row.find_all(["a", "button"])


def test_an_error_page_works_for_somebody_who_is_not_signed_in(site):
    page = soup(render(site, "error.html", status_code=404, status_message="Not Found"))
    assert page.nav is None
    assert page.h1.text == "There is nothing here"


def test_the_spawn_form_offers_the_same_cards(site, user):
    options = render(site, "datalab_options.html", cards=cards(site, "ann", []))
    page = soup(render(site, "spawn.html", user, url="/hub/spawn/ann",
                       spawner_options_form=options))  # fmt: skip
    choices = page.find_all("input", attrs={"name": "profile"})
    assert [choice["value"] for choice in choices] == ["small", "gpu"]
    assert choices[0].has_attr("checked")


# -- administration -------------------------------------------------------------------------


def admin(site, *people):
    return soup(render(site, "datalab_admin.html", people[0], everybody=people))


def test_the_admin_page_shows_who_runs_what_with_a_stop_for_each(site):
    ann, bob = FakeUser(site, "ann"), FakeUser(site, "bob")
    ann.add("", title="Mine")
    bob.add("churn", title="Churn", profile="gpu")
    bob.add("old", title="Old", state="stopped")
    rows = admin(site, ann, bob).select("#running tbody tr")
    assert [words(row.td) for row in rows] == ["ann", "bob"]
    assert "3.70 EUR" in words(rows[1])
    stop = rows[1].form
    assert stop.find(attrs={"name": "user"})["value"] == "bob"
    assert stop.find(attrs={"name": "server"})["value"] == "churn"


def test_the_admin_page_shows_failures_with_their_reason(site):
    ann = FakeUser(site)
    site.ledger.end(site.ledger.begin("bob", "", "t", "gpu", "local", None), "failed", "capacity")
    assert "capacity" in admin(site, ann).text


def test_the_admin_link_is_only_for_those_who_may_use_it(site, user):
    assert "/hub/datalab/admin" not in render(site, "home.html", user)
    assert "/hub/datalab/admin" in render(site, "home.html", user, parsed_scopes={"admin-ui": True})


def test_totals_count_only_what_falls_into_the_month_and_the_day(site):
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    # From the last noon of February until this noon: 1.5 days of March, half a day today.
    long_ago = datetime(2026, 2, 28, 12, tzinfo=UTC)
    site.ledger.ready(site.ledger.begin("ann", "", "t", "gpu", "b", Decimal(1), long_ago), long_ago)
    lately = now - timedelta(hours=1)
    site.ledger.ready(site.ledger.begin("bob", "", "t", "small", "b", None, lately), lately)
    first, second = View(site, STATIC_PATH).totals(now)
    assert (first.user, first.hours, first.today, first.month) == (
        "ann",
        "36.0 h",
        "12.00 EUR",
        "36.00 EUR",
    )
    assert (second.user, second.runs, second.month) == ("bob", 1, "0.00 EUR")


# -- all pages ------------------------------------------------------------------------------


def every_page(site, user):
    """Return (name, html) of each page, with whatever it can show switched on."""
    running = user.add("run", title=EVIL)
    user.add("stopped", title=EVIL, state="stopped")
    pending = user.add("pending", title=EVIL, state="starting")
    options = render(site, "datalab_options.html", cards=cards(site, user.name, []))
    refusal = StartRefused(EVIL, reason="x", hint=EVIL)
    admin_scope = {"parsed_scopes": {"admin-ui": True}}
    site.ledger.end(site.ledger.begin(EVIL, EVIL, EVIL, EVIL, "b", None), "failed", EVIL)
    yield "home", render(site, "home.html", user, **admin_scope)
    yield "pending", render(site, "spawn_pending.html", user, spawner=pending, progress_url="/p")
    yield "admin", render(site, "datalab_admin.html", user, everybody=[user], **admin_scope)
    yield "error", render(site, "error.html", user, status_code=400, status_message=EVIL,
                          message=EVIL)  # fmt: skip
    yield "failed", render(site, "not_running.html", user, server_name=EVIL, failed=True,
                           failed_html_message=refusal.jupyterhub_html_message)  # fmt: skip
    yield "not running", render(site, "not_running.html", user, server_name=EVIL)
    yield "stopping", render(site, "stop_pending.html", user, spawner=running)
    yield "spawn", render(site, "spawn.html", user, url="/hub/spawn", error_message=EVIL,
                          spawner_options_form=options)  # fmt: skip


def test_what_people_type_is_never_markup(site):
    user = FakeUser(site, groups=(EVIL,))
    seen = set()
    for name, html in every_page(site, user):
        page = soup(html)
        assert not page.select("script:not([src])"), name
        assert not page.find(attrs={"onerror": True}), name
        assert not page.select("img[src=x]"), name
        if EVIL in page.text:
            seen.add(name)
    assert {"home", "pending", "admin", "error", "failed", "spawn"} <= seen


def test_every_page_can_be_used_by_keyboard_and_screen_reader(site, user):
    for name, html in every_page(site, user):
        page = soup(html)
        assert page.html["lang"], name
        assert page.title.text.strip(), name
        assert page.find("meta", attrs={"name": "viewport"}), name
        assert page.main and page.header and page.nav["aria-label"], name
        assert page.find("a", class_="skip")["href"] == f"#{page.main['id']}", name
        assert len(page.find_all("h1")) == 1, name
        levels = [int(tag.name[1]) for tag in page.find_all(re.compile("^h[1-6]$"))]
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), name
        for control in page.select("input:not([type=hidden])"):
            label = control.find_parent("label") or page.find(
                "label", attrs={"for": control.get("id")}
            )
            assert label is not None and words(label), (name, control)
        for action in page.select("button, a"):
            assert words(action), (name, action)
        ids = [tag["id"] for tag in page.find_all(id=True)]
        assert len(ids) == len(set(ids)), name


def test_every_form_that_changes_something_carries_the_xsrf_token(site, user):
    for name, html in every_page(site, user):
        for form in soup(html).find_all("form", method="post"):
            assert form.find(attrs={"name": "_xsrf"})["value"] == "the-token", (name, form)


def test_no_page_needs_inline_script_or_style(site, user):
    for name, html in every_page(site, user):
        page = soup(html)
        assert not page.find_all("style"), name
        assert not page.find_all(style=True), name
        handlers = [key for tag in page.find_all(True) for key in tag.attrs if key.startswith("on")]
        assert not handlers, name


def test_static_files_have_their_hash_in_the_address(site, user):
    html = render(site, "home.html", user)
    for path in re.findall(r'(?:src|href)="/hub/datalab/static/([^"]+)"', html):
        name, version = path.split("?v=")
        assert (STATIC_PATH / name).is_file()
        assert re.fullmatch(r"[0-9a-f]{16}", version)


def test_every_static_file_is_used_by_a_template():
    text = "".join(path.read_text() for folder in TEMPLATE_PATHS for path in folder.glob("*.html"))
    for path in STATIC_PATH.iterdir():
        assert f"asset('{path.name}')" in text, path.name


# -- colours --------------------------------------------------------------------------------


def palettes():
    css = (STATIC_PATH / "datalab.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    found = dict(re.findall(r"--([\w-]+): (#\w+)", light))
    return {"light": found, "dark": found | dict(re.findall(r"--([\w-]+): (#\w+)", dark))}


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(char * 2 for char in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *((text, ground) for text in ("ink", "quiet", "accent") for ground in ("ground", "paper")),
        ("ink", "tint"),
        ("accent-ink", "accent"),
        ("bad", "bad-tint"),
    ],
)
def test_text_has_the_contrast_that_wcag_asks_for(scheme, text, ground):
    colours = palettes()[scheme]
    one, other = sorted((luminance(colours[text]), luminance(colours[ground])))
    assert (other + 0.05) / (one + 0.05) >= 4.5
