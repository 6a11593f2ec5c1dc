"""One open pull request for an export's branch: made, or brought up to date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from .client import GitHub, GitHubError


@dataclass(frozen=True)
class PullRequest:
    """A pull request; ``made`` is False when it was there already."""

    url: str
    number: int
    made: bool


def open_or_update(
    github: GitHub, branch: str, base: str, title: str, body: str, marks: tuple[str, str]
) -> PullRequest:
    """Ask for a review of ``branch``; ``base`` is the repository's default branch when empty.

    Of a pull request that is open already only the part of its text between ``marks`` is renewed:
    the title and the rest are people's.
    """
    repository = github.repository()
    name = quote(repository["full_name"])
    owner = repository["owner"]["login"]
    pulls = f"/repos/{name}/pulls"
    found = github.get(pulls, head=f"{owner}:{branch}", state="open")
    # A server that does not know the filter would give all of them.
    there = [one for one in found if one["head"]["ref"] == branch]
    if base:
        there = [one for one in there if one["base"]["ref"] == base]
    if there:
        return _updated(github, pulls, there[0], body, marks)
    asked = {
        "title": title,
        "head": branch,
        "base": base or repository["default_branch"],
        "body": body,
    }
    try:
        made = github.post(pulls, asked)
    except GitHubError as error:
        if error.status == 422 and "already exists" in error.message:  # somebody was faster
            again = github.get(pulls, head=f"{owner}:{branch}", state="open")
            if again:
                return _updated(github, pulls, again[0], body, marks)
        raise
    return PullRequest(made["html_url"], made["number"], True)


def _updated(
    github: GitHub, pulls: str, found: dict[str, object], body: str, marks: tuple[str, str]
) -> PullRequest:
    before = str(found.get("body") or "")
    ours = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    after = ours.sub(lambda _: body, before, count=1)
    if after != before:
        github.patch(f"{pulls}/{found['number']}", {"body": after})
    return PullRequest(str(found["html_url"]), int(str(found["number"])), False)
