"""What hub and workspace say to each other. One JSON object per message, with a version.

Both sides may be of different releases: a workspace that was started last week meets today's
hub. So a reader ignores fields that it does not know, and a writer only ever adds fields with a
default. When that is not enough, :data:`VERSION` goes up; :data:`OLDEST` and
:data:`NEWEST` say which versions a reader understands.

==================  =======================  ==================================================
message             from → to                over
==================  =======================  ==================================================
:class:`Hello`      workspace → hub          the claim's socket
:class:`Claim`      hub → workspace          the same, with the listening socket and the log
:class:`Assignment` hub → workspace          the platform's secret store, read once at boot
:class:`Register`   workspace → hub          HTTP, for platforms that start by themselves
:class:`Registered` hub → workspace          the answer
:class:`TunnelRequest` / :class:`TunnelGrant`   gateway → hub → gateway, HTTP
:class:`CredentialRequest` / :class:`Credential`   workspace → broker → workspace, HTTP
:class:`Sources`    broker → workspace       HTTP, what the person may use
:class:`Refusal`    broker → workspace       HTTP, with a sentence for the person
:class:`AgentAlert` workspace → broker       HTTP, somebody knocked at an agent
:class:`AgentStatus` workspace → hub         HTTP
:class:`Ready`      standby → hub            the standby's standard output
:class:`Exited`     standby → hub            the same
==================  =======================  ==================================================
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from .typed import WireError as WireError
from .typed import read

VERSION = 1
"""What this side writes."""

OLDEST, NEWEST = 1, VERSION + 1
"""What this side still reads, and already reads: a newer release adds fields with defaults."""

_TYPES: dict[str, type[Message]] = {}


@dataclass(frozen=True)
class Message:
    """The base of all messages; ``type`` is the class's name in lower case on the wire."""

    type: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = cls.__name__.lower()
        _TYPES[cls.type] = cls


@dataclass(frozen=True)
class Hello(Message):
    """A process that knows nobody yet offers itself."""

    pid: int


@dataclass(frozen=True)
class Limits:
    """What a workspace may use: bytes of memory and processor cores."""

    memory: int | None = None
    cpus: float | None = None


@dataclass(frozen=True)
class Claim(Message):
    """Makes a waiting process one person's workspace. Holds the hub token, in ``env``.

    Attributes:
        key: the workspace's name on its platform.
        env: the complete environment.
        argv: arguments for the single-user server.
        home: working directory, and the root of the file browser.
        uid, gid: whom to become; ``None``: stay.
        name: title for process listings.
    """

    key: str
    env: dict[str, str] = field(repr=False)
    argv: list[str]
    home: str
    uid: int | None = None
    gid: int | None = None
    limits: Limits = Limits()
    name: str = ""


@dataclass(frozen=True)
class Ready(Message):
    """The standby is warm."""


@dataclass(frozen=True)
class Exited(Message):
    """A workspace that this standby forked has ended; a negative status is a signal."""

    pid: int
    status: int


@dataclass(frozen=True)
class Assignment(Message):
    """Makes a job one person's workspace. Holds the hub token, in ``env``.

    It lies in the platform's secret store, readable for this one job, from before the job is
    created until the hub has taken its registration. After an interruption the hub writes another
    one, with a fresh ``secret``.

    Attributes:
        job: the platform's name for the workspace; it must be the reader's own.
        secret: what the workspace registers with, once.
        register_url: where.
        port: where to listen; 0: any free port.
        env: the complete environment for the single-user server.
        argv: arguments for the single-user server.
        home: working directory, and the root of the file browser.
        uid, gid: whom to become if started as root; ``None``: stay.
        patience: seconds that the workspace goes on trying to register.
        tunnel: where to dial out to, if nobody can connect to the workspace; it listens on
            loopback only then.
        tls: JupyterHub's ``internal_ssl`` as PEM: ``key``, ``cert`` and ``ca``; empty without.
        stop_grace: seconds between the platform's SIGTERM and its end.
    """

    job: str
    secret: str = field(repr=False)
    register_url: str
    env: dict[str, str] = field(repr=False)
    argv: list[str]
    home: str
    port: int = 0
    uid: int | None = None
    gid: int | None = None
    patience: float = 600.0
    name: str = ""
    tunnel: str = ""
    tls: dict[str, str] = field(default_factory=dict, repr=False)
    stop_grace: float | None = None


@dataclass(frozen=True)
class Register(Message):
    """A workspace on a platform that starts by itself says where it listens.

    Sent with the workspace's hub token as authorization.

    Attributes:
        job: the platform's name for the workspace.
        secret: the registration secret, of which the hub keeps a hash.
        transport: ``direct``, or ``tunnel``: it understood that it has to dial out.
        certificate: PEM of the assignment's; the hub signs its key again, for this address.
    """

    job: str
    secret: str = field(repr=False)
    ip: str
    port: int
    transport: str = "direct"
    certificate: str = ""


@dataclass(frozen=True)
class Registered(Message):
    """The hub took the registration: run the server.

    Attributes:
        certificate: PEM, for the key in the assignment and the address that was registered, which
            nobody knew before; empty without ``internal_ssl``.
    """

    certificate: str = ""


@dataclass(frozen=True)
class TunnelRequest(Message):
    """The gateway asks whether a job may have a tunnel, with its own token as authorization.

    Attributes:
        secret_hash: SHA-256 of the registration secret that it was dialled with.
        taken: a port that was granted before and that somebody else has; 0: none.
    """

    job: str
    secret_hash: str
    taken: int = 0


@dataclass(frozen=True)
class TunnelGrant(Message):
    """It may.

    Attributes:
        port: where the proxy looks for the workspace.
        prefix: how the paths of all its requests begin; empty: anything.
        encrypted: TLS passes through; nobody on the way can read a path.
    """

    port: int
    prefix: str = ""
    encrypted: bool = False


@dataclass(frozen=True)
class CredentialRequest(Message):
    """The workspace's agent asks the broker; the hub token goes as authorization."""

    source: str
    access: str = "read"


@dataclass(frozen=True)
class Credential(Message):
    """What the broker minted.

    Attributes:
        values: by kind of source, for example AccessKeyId, SecretAccessKey, Token.
        expires: ISO 8601, UTC.
    """

    source: str
    kind: str
    values: dict[str, str] = field(repr=False)
    expires: str


@dataclass(frozen=True)
class SourceInfo:
    """A data source as its users see it.

    Attributes:
        access: ``read`` or ``write``.
        facts: what a program needs to connect, by kind; nothing secret.
        problem: why it cannot be used now; empty when it can.
    """

    name: str
    title: str
    kind: str
    access: str = "read"
    description: str = ""
    delivered_as: str = "endpoint"
    facts: dict[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Sources(Message):
    """What the person may use now, in the catalog's order."""

    sources: list[SourceInfo]


@dataclass(frozen=True)
class Refusal(Message):
    """The broker does not give a credential.

    Attributes:
        reason: one word, out of a closed set.
        message: a sentence for the person: why, and what to do.
    """

    reason: str
    message: str


@dataclass(frozen=True)
class AgentAlert(Message):
    """The agent refused somebody; the broker answers with the same, once it is in the audit.

    Attributes:
        reason: what was wrong: ``token``, ``host`` or ``browser``.
        count: how often since the last alert.
    """

    reason: str
    count: int


@dataclass(frozen=True)
class AgentStatus(Message):
    """What a workspace's credential agent says of itself, for the pages and the audit.

    Attributes:
        sources: names of the data sources that it can serve now.
        problems: source → a sentence for the person: what failed, and what to do.
    """

    sources: list[str]
    problems: dict[str, str] = field(default_factory=dict)


def encode(message: Message) -> bytes:
    """Return a message as one line of JSON, newline included."""
    body = {"version": VERSION, "type": message.type, **asdict(message)}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode(data: bytes | str) -> Message:
    """Return the message in one line of JSON.

    Fields that this side does not know are ignored: they come from a newer one.

    Raises:
        WireError: not JSON, an unknown type, a version that is too old or too new, a field that
            is missing or of the wrong type. Values are never quoted: they may be secret.
    """
    try:
        body = json.loads(data)
    except ValueError as error:
        raise WireError(f"not a message: {getattr(error, 'msg', 'not UTF-8')}") from None
    if not isinstance(body, dict):
        raise WireError(f"expected an object, got {type(body).__name__}")
    version = body.get("version")
    if type(version) is not int or not OLDEST <= version <= NEWEST:
        raise WireError(
            f"version is {version!r}, but this side understands {OLDEST} to {NEWEST}. "
            "Stop the workspace and start it again, so that it matches the hub."
        )
    kind = _TYPES.get(str(body.get("type")))
    if kind is None:
        raise WireError(f"type is {body.get('type')!r}; expected one of {', '.join(_TYPES)}")
    message: Message = read(kind, body, kind.type)
    return message
