"""The gateway: workspaces that nobody can connect to connect to it, the proxy reaches them here.

``datalab gateway``, a small process beside the hub. A workspace dials in with the registration
secret of its job, the gateway asks the hub whose that is, and listens on the one port that the hub
names for this job. A connection to that port goes through that job's tunnel and no other: which
workspace it is for is never read out of what people send.

The hub may restart: tunnels stay. The gateway may restart: workspaces dial in again, and the hub
says the same port as before.

============  ==============================================================
``service``   the WebSocket side: who dials in, and whether they may
``link``      one job: its port, its tunnel, its limits
``hub``       asks the hub
============  ==============================================================
"""

SERVICE = "datalab-gateway"
"""Its name among JupyterHub's services."""
