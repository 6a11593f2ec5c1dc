"""The operator's YAML file: images, profiles, data sources.

``models`` says what may stand there, ``loading`` reads it and explains what is wrong, ``schema``
and ``reference`` describe it to machines and people.
"""

from .loading import CatalogError, Problem, load_catalog, parse_catalog
from .models import Catalog, Gpu, Image, Profile, Resources
from .sources import DataSource

__all__ = [
    "Catalog",
    "CatalogError",
    "DataSource",
    "Gpu",
    "Image",
    "Problem",
    "Profile",
    "Resources",
    "load_catalog",
    "parse_catalog",
]
