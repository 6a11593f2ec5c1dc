"""The hub's side of the Helm chart ``helm/datalab``.

* ``values``: what an operator may set, as models; ``values.schema.json`` is generated from them
* ``release``: the configuration of a hub that the chart installed
* ``schema``: writes the schema: ``python -m datalab_hub.helm.schema``
"""
