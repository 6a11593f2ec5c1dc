"""RStudio on Lab's launcher, where RStudio Server is installed."""

from jupyter_rsession_proxy import get_rstudio_executable, setup_rserver

try:
    get_rstudio_executable("rserver")
except FileNotFoundError:
    pass
else:
    c.ServerProxy.servers = {"rstudio": setup_rserver()}  # noqa: F821  # Jupyter's configuration
