"""``credential_process`` of AWS profiles: ``python -I -m datalab_workspace.agent.process NAME``.

Prints what AWS programs expect. They keep it in memory and ask again before it ends.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

AGENT_URL = "DATALAB_AGENT_URL"
AGENT_TOKEN_FILE = "DATALAB_AGENT_TOKEN_FILE"
_SECONDS = 15


def main() -> None:
    """Print the credential of the source that is named, or say why not and fail."""
    name = sys.argv[1] if len(sys.argv) == 2 else sys.exit("expected the name of a data source")
    try:
        url, token = os.environ[AGENT_URL], Path(os.environ[AGENT_TOKEN_FILE]).read_text()
    except (KeyError, OSError):
        sys.exit("This works in a Datalab workspace: the credential agent is not here.")
    request = urllib.request.Request(f"{url}/v1/aws/{name}", headers={"Authorization": token})
    # Proxies are for the world outside; the agent is on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as response:
            found = json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(str(json.load(error).get("message", error)))
    except OSError as error:
        sys.exit(f"The credential agent does not answer: {error}")
    found["SessionToken"] = found.pop("Token")
    print(json.dumps({"Version": 1, **found}))


if __name__ == "__main__":
    main()
