"""Where runs and artifacts are kept: a folder here, a bucket on AWS; the same keys in both.

``artifacts/<sha256>/…`` holds values by content, ``runs/<run>/<node>/result.json`` says which of
them a node gave. A node inside loops is ``train/3`` (its third turn, counted from 0).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from .errors import ArtifactError


class Store(Protocol):
    """What the stage entry point needs of a place that keeps things."""

    def read_json(self, key: str) -> Any:
        """Return the document at ``key``; raises ``KeyError`` when there is none."""

    def write_json(self, key: str, document: Any) -> None:
        """Write a document, replacing an older one at once."""

    def children(self, key: str) -> list[str]:
        """Return the names directly below ``key``."""

    def has_artifact(self, digest: str) -> bool:
        """Say whether the artifact is there, whole."""

    def put_artifact(self, digest: str, folder: Path) -> None:
        """Keep the files of ``folder`` (which may be moved away) as the artifact ``digest``."""

    def get_artifact(self, digest: str) -> Path:
        """Return a local folder with the artifact's files; raises ``ArtifactError``."""

    def put_file(self, key: str, path: Path) -> None:
        """Keep a file at ``key``."""

    def close(self) -> None:
        """Remove what :meth:`get_artifact` made only to be read."""


def open_store(url: str) -> Store:
    """Return the store at ``url``: a path, or ``s3://bucket/prefix``."""
    if url.startswith("s3://"):
        parts = urlsplit(url)
        return S3Store(parts.netloc, parts.path.strip("/"))
    return FolderStore(Path(url).absolute())


class FolderStore:
    """A folder on this machine, private to its owner."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read_json(self, key: str) -> Any:
        try:
            return json.loads((self.root / key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise KeyError(key) from None

    def write_json(self, key: str, document: Any) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=1, sort_keys=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=".", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        Path(file.name).replace(path)

    def children(self, key: str) -> list[str]:
        folder = self.root / key
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def has_artifact(self, digest: str) -> bool:
        return (self.root / "artifacts" / digest).is_dir()

    def put_artifact(self, digest: str, folder: Path) -> None:
        target = self.root / "artifacts" / digest
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            return
        near = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
        shutil.copytree(folder, near, dirs_exist_ok=True)
        try:
            near.rename(target)  # whole or not at all
        except OSError:
            shutil.rmtree(near)
            if not target.exists():
                raise

    def get_artifact(self, digest: str) -> Path:
        folder = self.root / "artifacts" / digest
        if not folder.is_dir():
            raise ArtifactError(
                f"the artifact {digest[:12]} is not in {self.root}",
                hint="It was removed; run again with --fresh.",
            )
        return folder

    def put_file(self, key: str, path: Path) -> None:
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)

    def close(self) -> None:
        """Nothing is made only to be read."""


class S3Store:
    """A prefix in a bucket. Needs boto3, which finds its credentials and region by itself."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3
        from botocore.config import Config

        retries = Config(retries={"mode": "adaptive", "max_attempts": 10})
        self.client = boto3.client("s3", config=retries)
        self.bucket, self.prefix = bucket, f"{prefix}/" if prefix else ""
        self._scratch: Path | None = None

    def read_json(self, key: str) -> Any:
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)
        except self.client.exceptions.NoSuchKey:
            raise KeyError(key) from None
        return json.loads(answer["Body"].read())

    def write_json(self, key: str, document: Any) -> None:
        body = json.dumps(document, sort_keys=True).encode()
        self.client.put_object(
            Bucket=self.bucket,
            Key=self.prefix + key,
            Body=body,
            ContentType="application/json",
        )

    def children(self, key: str) -> list[str]:
        prefix = f"{self.prefix}{key}/"
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, Delimiter="/"
        )
        found: set[str] = set()
        for page in pages:
            found.update(one["Prefix"][len(prefix) : -1] for one in page.get("CommonPrefixes", ()))
            found.update(one["Key"][len(prefix) :] for one in page.get("Contents", ()))
        return sorted(found - {""})

    def has_artifact(self, digest: str) -> bool:
        # The manifest is written last, so it stands for the whole.
        key = f"{self.prefix}artifacts/{digest}/manifest.json"
        answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        return bool(answer.get("KeyCount"))

    def put_artifact(self, digest: str, folder: Path) -> None:
        if self.has_artifact(digest):
            return
        files = [path for path in folder.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: path.name == "manifest.json"):
            self.put_file(f"artifacts/{digest}/{path.relative_to(folder).as_posix()}", path)

    def get_artifact(self, digest: str) -> Path:
        cache = self._cache()
        target = cache / digest
        if target.is_dir():
            return target
        prefix = f"{self.prefix}artifacts/{digest}/"
        near = Path(tempfile.mkdtemp(dir=cache))
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        for page in pages:
            for one in page.get("Contents", ()):
                path = near / one["Key"][len(prefix) :]
                path.parent.mkdir(parents=True, exist_ok=True)
                self.client.download_file(self.bucket, one["Key"], str(path))
        if not any(near.iterdir()):
            raise ArtifactError(f"the artifact {digest[:12]} is not in s3://{self.bucket}/{prefix}")
        near.rename(target)
        return target

    def put_file(self, key: str, path: Path) -> None:
        self.client.upload_file(str(path), self.bucket, self.prefix + key)

    def close(self) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def _cache(self) -> Path:
        """Return where artifacts are loaded to. A warm Lambda keeps its disk from call to call."""
        if shared := os.environ.get("DATALAB_CACHE"):
            return Path(shared)
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="datalab-artifacts-"))
        return self._scratch
