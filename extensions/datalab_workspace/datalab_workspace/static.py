"""Static files that travel compressed, once.

Jupyter Server sends Lab's 13 MB of JavaScript uncompressed. ``python -m datalab_workspace.static``
compresses it ahead of time, when an image or an environment is built, into a directory that all
workspaces of the environment share and none of them can write. A file that was never compressed,
or has changed since, is sent as it is.

Browsers keep what has a hash of its content in its name for ever; for everything else they ask
(``ETag``) and get a 304.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import FileFindHandler

try:
    import brotli
except ImportError:  # gzip alone does it
    brotli = None

CACHE_VARIABLE = "DATALAB_STATIC_CACHE"

_HASH = re.compile(r"(?:^|[._-])[0-9a-f]{16,}(?:[._-]|$)")
_SUFFIXES = frozenset({".js", ".css", ".json", ".svg", ".html", ".map", ".ttf", ".eot", ".wasm"})
_SMALLEST = 1024  # bytes; less fits into one packet anyway
_FOREVER = "public, max-age=31536000, immutable"
_BROTLI_QUALITY = 9  # 11 takes ten times as long for a twentieth less

# Best first.
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    **({"br": lambda data: brotli.compress(data, quality=_BROTLI_QUALITY)} if brotli else {}),
    "gzip": lambda data: gzip.compress(data, compresslevel=9, mtime=0),
}


def cache_directory() -> Path:
    """Return where compressed files are: a part of the environment, so that it is built with it."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else Path(sys.prefix, "share", "datalab", "static")


def variant_path(original: str, status: os.stat_result, encoding: str) -> Path:
    """Return where the compressed variant of this very version of a file belongs.

    Whole seconds, because image layers keep no more of a file's time.
    """
    version = f"{original}\0{status.st_size}\0{int(status.st_mtime)}"
    return cache_directory() / f"{hashlib.sha256(version.encode()).hexdigest()[:32]}.{encoding}"


class CompressedFileHandler(FileFindHandler):
    """Jupyter Server's handler for static files, with compression and honest caching."""

    _original: str | None = None
    _encoding: str | None = None

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Check as ever, then go on with the compressed variant if there is one."""
        original = super().validate_absolute_path(root, absolute_path)
        self._original = original
        if original is None or "Range" in self.request.headers:
            return original
        status = Path(original).stat()
        accepted = self._accepted()
        for encoding in ENCODINGS:
            if encoding not in accepted:
                continue
            variant = variant_path(original, status, encoding)
            if (found := _trustworthy(variant, status)) is not None:
                self._encoding = encoding
                self._stat_result = found  # Tornado keeps the original's for size and time
                return str(variant)
        return original

    def get_content_type(self) -> str:
        """Return the type of the file itself, not of its compressed variant."""
        variant, self.absolute_path = self.absolute_path, self._original
        try:
            return super().get_content_type()
        finally:
            self.absolute_path = variant

    def set_headers(self) -> None:
        """Add what caches need to know."""
        super().set_headers()
        self.add_header("Vary", "Accept-Encoding")
        if self._encoding:
            self.set_header("Content-Encoding", self._encoding)
        if self._has_hash():
            self.set_header("Cache-Control", _FOREVER)
            self.clear_header("Expires")
        else:
            # Lab declares whole directories immutable, with files like style.js in them.
            self.set_header("Cache-Control", "no-cache")

    def compute_etag(self) -> str | None:
        """Return a tag from size and time: reading the file again would be too slow."""
        if self.absolute_path is None:
            return None
        status = self._stat()
        return f'"{status.st_size:x}-{status.st_mtime_ns:x}"'

    def _has_hash(self) -> bool:
        query = self.request.arguments.get("v", [b""])[0].decode("latin-1")
        name = Path(self._original or "").name
        return bool(_HASH.search(name) or _HASH.search(query))

    def _accepted(self) -> set[str]:
        header = self.request.headers.get("Accept-Encoding", "")
        offers = [part.partition(";") for part in header.split(",")]
        return {
            name.strip().lower()
            for name, _, weight in offers
            if weight.replace(" ", "") not in ("q=0", "q=0.0")
        }


def install(application: Any) -> None:
    """Serve a web application's static files with :class:`CompressedFileHandler`."""
    for rule in _rules(application.default_router):
        if rule.target is FileFindHandler:
            rule.target = CompressedFileHandler


def _rules(router: Any) -> Iterator[Any]:
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from _rules(rule.target)
        else:
            yield rule


def _trustworthy(variant: Path, original: os.stat_result) -> os.stat_result | None:
    """Return a variant's status if it was written by somebody who could write the original."""
    try:
        status = variant.stat()
    except OSError:
        return None
    return status if status.st_uid in (0, original.st_uid) else None


# -- building -------------------------------------------------------------------------------


def static_directories() -> list[Path]:
    """Return the directories of Jupyter's static files in this environment, not in any home."""
    import jupyter_server

    packages = Path(jupyter_server.__file__).parents[1]
    candidates = [
        Path(jupyter_server.__file__).parent / "static",
        packages / "notebook" / "static",
        *(Path(path, part) for path in data_directories() for part in ("lab", "labextensions")),
    ]
    return [path for path in candidates if path.is_dir()]


def data_directories() -> list[str]:
    """Return Jupyter's data directories outside homes.

    Debian's own Python has ``/usr`` as its prefix, and installs below ``/usr/local``.
    """
    from jupyter_core.paths import ENV_JUPYTER_PATH, SYSTEM_JUPYTER_PATH

    return list(dict.fromkeys([*ENV_JUPYTER_PATH, *SYSTEM_JUPYTER_PATH]))


def compressible() -> Iterator[Path]:
    """Yield the files that are worth compressing."""
    for directory in static_directories():
        for path in sorted(directory.rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file() and path.stat().st_size >= _SMALLEST:
                yield path


def compress(path: Path) -> None:
    """Write the missing variants of one file; a reader sees the whole of it or nothing."""
    data = path.read_bytes()
    status = path.stat()
    for encoding, function in ENCODINGS.items():
        variant = variant_path(str(path), status, encoding)
        if variant.exists():
            continue
        draft = variant.with_suffix(f".{os.getpid()}")
        draft.write_bytes(function(data))
        draft.chmod(0o644)
        draft.replace(variant)


def build() -> int:
    """Compress what is not compressed yet and remove what no file needs any more.

    Returns:
        the number of files with variants.

    Raises:
        OSError: the cache directory cannot be written.
    """
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    paths = list(compressible())
    with ProcessPoolExecutor() as pool:
        list(pool.map(compress, paths, chunksize=8))
    wanted = {variant_path(str(path), path.stat(), enc) for path in paths for enc in ENCODINGS}
    for found in directory.iterdir():
        if found not in wanted:
            found.unlink()
    return len(paths)


def main() -> None:
    """Compress an environment's static files from the command line."""
    argparse.ArgumentParser(prog="datalab_workspace.static", description=__doc__).parse_args()
    try:
        count = build()
    except OSError as error:
        sys.exit(
            f"Cannot write {cache_directory()}: {error.strerror}. Run this as the owner of the "
            f"environment, or set {CACHE_VARIABLE} to a directory that you can write."
        )
    print(f"{count} static files are compressed in {cache_directory()}.")


if __name__ == "__main__":
    main()
