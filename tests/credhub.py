"""A hub with data sources: real processes, a real PostgreSQL, and moto where AWS would be."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import psutil
import psycopg
from datalab_workspace import wire
from fakes.google import Google, google
from fakes.sagemaker.moto_process import moto_server
from hubproc import running_hub, until
from postgres import postgres

ROLE = "arn:aws:iam::123456789012:role/datalab-data"
ADMIN = "a" * 32  # the tests' own service, an administrator
SECRETS = {
    "weather": "weather-token-0123456789",
    "maps": "maps-key-0123456789",
    "vault": "vault-value-0123456789",
    "superuser": "superuser-password-0123456789",
    "broker": "broker-password-0123456789",
    "google": "google-subject-0123456789",
}
CONFIG = f"""
from datalab_hub.config import configure
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{{"name": "test", "api_token": "{ADMIN}", "admin": True}}]
c.JupyterHub.load_roles = [{{
    "name": "test-enters", "services": ["test"], "scopes": ["access:servers", "read:metrics"]
}}]
# As some platforms do; botocore would prefer it to the agent.
c.Spawner.environment = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/platform"}}
c.CredentialBroker.sweep_seconds = 0.5
c.CredentialBroker.requests_per_minute = float(os.environ.get("PER_MINUTE", "20"))
configure(c, catalog="datalab.yaml", data_dir="data")
"""
CATALOG = """
profiles: [{{name: small, title: Small, environment: {{
    AWS_ENDPOINT_URL: "{moto}", BIGQUERY_EMULATOR_HOST: "{google}"}}}}]
data_sources:
  - {{name: lake, title: The lake, kind: s3, bucket: lake, prefix: team/, access: write,
      role_arn: "{role}", region: eu-west-1, allowed_groups: [sales], lifetime: {lake}}}
  - {{name: archive, title: The archive, kind: s3, bucket: archive, role_arn: "{role}"}}
  - {{name: sales, title: Sales, kind: postgres, host: "{host}", database: postgres,
      grants: [readers], secret: {{file: "{secrets}/broker"}}, allowed_groups: [sales]}}
  - {{name: brief, title: Brief, kind: postgres, host: "{host}", database: postgres,
      lifetime: 2s, grants: [readers], access: write, secret: {{file: "{secrets}/broker"}}}}
  - {{name: weather, title: Weather, kind: http, url: "https://weather.example", minting: secret,
      secret: {{file: "{secrets}/weather"}}, allowed_groups: [sales]}}
  - {{name: maps, title: Maps, kind: static, variable: MAPS_KEY,
      secret: {{file: "{secrets}/maps"}}}}
  - {{name: vault, title: Vault, kind: static, secret: {{secrets_manager: vault}}}}
  - {{name: open, title: Open, kind: static, secret: {{file: "{secrets}/open"}}}}
  - {{name: reports, title: Reports, kind: postgres, host: "{host}", database: postgres,
      lifetime: 30s, grants: [readers], delivered_as: file,
      secret: {{file: "{secrets}/broker"}}}}
  - {{name: brief-role, title: Brief role, kind: postgres, host: "{host}", database: postgres,
      lifetime: 5m, grants: [readers], secret: {{file: "{secrets}/broker"}}}}
  - {{name: pricing, title: Pricing, kind: s3, bucket: pricing, role_arn: "{role}",
      allowed_groups: [pricing], advertised: true, contact: the pricing team}}
  - {query}
  - {{name: mine, title: Mine, kind: http, url: "https://mine.example"}}
"""


class Site:
    """What a test needs of the running installation."""

    pid: int
    google: Google

    def __init__(self, url: str, directory: Path, database: str, moto: str) -> None:
        self.url = url
        self.directory = directory
        self.database = database.replace("+psycopg", "")
        self.moto = moto
        self.admin = httpx.Client(
            base_url=url, headers={"Authorization": f"token {ADMIN}"}, timeout=60
        )
        self._tokens: dict[tuple[str, str], str] = {}

    @property
    def broker(self) -> str:
        ports = json.loads((self.directory / "data" / "hub" / "ports.json").read_text())
        return f"http://127.0.0.1:{ports['credentials']}"

    def person(self, name: str, *groups: str) -> None:
        self.admin.post(f"/hub/api/users/{name}")
        for group in groups:
            self.admin.post(f"/hub/api/groups/{group}")
            done = self.admin.post(f"/hub/api/groups/{group}/users", json={"users": [name]})
            done.raise_for_status()

    def leave(self, name: str, group: str) -> None:
        self.admin.request(
            "DELETE", f"/hub/api/groups/{group}/users", json={"users": [name]}
        ).raise_for_status()

    def start(self, name: str, server: str = "") -> None:
        path = f"/hub/api/users/{name}/server" + (f"s/{server}" if server else "")
        assert self.admin.post(path, json={"profile": "small"}).status_code in (201, 202)
        until(lambda: self._servers(name).get(server, {}).get("ready"))

    def stop(self, name: str, server: str = "") -> None:
        path = f"/hub/api/users/{name}/server" + (f"s/{server}" if server else "")
        assert self.admin.delete(path).status_code in (202, 204)
        until(lambda: not self._servers(name).get(server, {}).get("ready"))
        until(lambda: server not in self._servers(name) or not self._servers(name)[server]["ready"])

    def _servers(self, name: str) -> dict[str, Any]:
        return self.admin.get(f"/hub/api/users/{name}").json()["servers"]

    def kernel(self, name: str, server: str = "") -> psutil.Process:
        """Start a kernel in a workspace and return its process."""
        prefix = f"/user/{name}/{server}" if server else f"/user/{name}"
        made = self.admin.post(f"{prefix}/api/kernels")
        assert made.status_code == 201, made.text
        wanted = made.json()["id"]

        def find() -> psutil.Process | None:
            for process in psutil.process_iter(["cmdline"]):
                if any(wanted in part for part in process.info["cmdline"] or ()):
                    return process
            return None

        return until(find)

    def token(self, name: str, server: str = "") -> str:
        """The workspace's hub token, as its kernels have it."""
        if (name, server) not in self._tokens:
            environment = self.kernel(name, server).environ()
            self._tokens[name, server] = environment["JUPYTERHUB_API_TOKEN"]
        return self._tokens[name, server]

    def environment(self, name: str, server: str = "") -> dict[str, str]:
        """What a terminal or a kernel of this workspace has in its environment."""
        return self.kernel(name, server).environ()

    def run(self, name: str, code: str, **more: str) -> str:
        """Run Python as a program of a workspace and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment(name) | more,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def home(self, name: str) -> Path:
        return self.directory / "data" / "homes" / name

    def forget_token(self, name: str, server: str = "") -> None:
        self._tokens.pop((name, server), None)

    def ask(self, token: str, source: str, access: str = "read", **more: Any) -> httpx.Response:
        """Ask the broker as a workspace's agent does."""
        headers = {"Authorization": f"token {token}", **more.pop("headers", {})}
        body = wire.encode(wire.CredentialRequest(source, access))
        return httpx.post(
            f"{self.broker}/v1/credentials", content=body, headers=headers, timeout=20, **more
        )

    def values(self, name: str, source: str, access: str = "read") -> dict[str, str]:
        answer = self.ask(self.token(name), source, access)
        assert answer.status_code == 200, answer.text
        return answer.json()["values"]

    def audit(self) -> list[dict[str, Any]]:
        text = (self.directory / "data" / "logs" / "audit.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def roles(self) -> list[str]:
        """The temporary roles in the database."""
        with psycopg.connect(self.database) as connection:
            found = connection.execute(
                "SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'datalab_')"
            )
            return [row[0] for row in found]

    def sts_requests(self) -> list[dict[str, str]]:
        """What STS was asked, oldest first."""
        recording = httpx.get(f"{self.moto}/moto-api/recorder/download-recording").text
        found = []
        for line in recording.splitlines():
            body = parse_qs(base64.b64decode(json.loads(line)["body"] or "").decode())
            if body.get("Action") == ["AssumeRole"]:
                found.append({name: values[0] for name, values in body.items()})
        return found


@contextmanager
def site_with_sources(directory: Path, lake: str = "1h", **environment: str) -> Iterator[Site]:
    """Run everything: ann (sales) and bob (no group) have a running workspace each.

    Args:
        lake: how long a credential for the lake lives.
    """
    with installation(directory, CONFIG, lake=lake, **environment) as site:
        site.person("ann", "sales")
        site.person("bob")
        for name in ("ann", "bob"):
            site.start(name)
        yield site


@contextmanager
def installation(
    directory: Path, config: str, lake: str = "1h", **environment: str
) -> Iterator[Site]:
    """Run a hub with its broker, a database, and moto."""
    with ExitStack() as stack:
        moto = stack.enter_context(
            moto_server(MOTO_RECORDER_FILEPATH=str(directory / "moto-recording"))
        )
        database = stack.enter_context(postgres(SECRETS["superuser"]))
        cloud = stack.enter_context(google())
        _fill_database(database)
        _fill_aws(moto)
        secrets = directory / "secrets"
        secrets.mkdir()
        cloud.subjects.add(SECRETS["google"])
        for name, text in (
            ("weather", SECRETS["weather"]),
            ("maps", SECRETS["maps"]),
            ("broker", f"datalab_broker:{SECRETS['broker']}"),
            ("google-subject", SECRETS["google"]),
            ("google", cloud.configuration(str(secrets / "google-subject"))),
            ("open", "everybody-can-read-this"),
        ):
            (secrets / name).write_text(text + "\n")
            (secrets / name).chmod(0o644 if name == "open" else 0o600)
        (secrets / "google-subject").write_text(SECRETS["google"])  # Google takes it verbatim
        host = parse_qs(urlsplit(database).query)["host"][0]
        query = cloud.source(secret={"file": str(secrets / "google")})
        catalog = CATALOG.format(
            moto=moto, role=ROLE, host=host, secrets=secrets, lake=lake, google=cloud.url,
            query=json.dumps({"name": "query", "title": "Query", **query}),
        )  # fmt: skip
        (directory / "datalab.yaml").write_text(catalog)
        aws = {
            "AWS_ENDPOINT_URL": moto,
            "AWS_ACCESS_KEY_ID": "broker",
            "AWS_SECRET_ACCESS_KEY": "broker-aws-secret-key",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        url, process = stack.enter_context(running_hub(directory, config, aws | environment))
        site = Site(url, directory, database, moto)
        site.pid, site.google = process.pid, cloud
        until(lambda: answers_health(site))
        yield site


def answers_health(site: Site) -> bool:
    try:
        return httpx.get(f"{site.broker}/health").status_code == 200
    except httpx.TransportError:
        time.sleep(0.1)
        return False


def _fill_database(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        # As the broker does: the server logs statements.
        verifier = connection.pgconn.encrypt_password(
            SECRETS["broker"].encode(), b"datalab_broker", b"scram-sha-256"
        ).decode()
        for statement in (
            "CREATE ROLE readers",
            "CREATE TABLE orders (id int, amount int)",
            "INSERT INTO orders VALUES (1, 40), (2, 2)",
            "CREATE TABLE salaries (name text)",
            "GRANT SELECT ON orders TO readers",
            "GRANT CREATE ON SCHEMA public TO readers",
            f"CREATE ROLE datalab_broker LOGIN CREATEROLE PASSWORD '{verifier}'",
            "GRANT readers TO datalab_broker WITH ADMIN OPTION",
        ):
            connection.execute(statement)


def _fill_aws(moto: str) -> None:
    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=moto,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    s3 = client("s3")
    for bucket in ("lake", "archive"):
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    s3.put_object(Bucket="lake", Key="team/hello.txt", Body=b"hello from the lake")
    client("secretsmanager").create_secret(Name="vault", SecretString=SECRETS["vault"])
    httpx.post(f"{moto}/moto-api/recorder/start-recording").raise_for_status()
