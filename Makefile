# Datalab. `make run` starts it; `make test` proves it. `make help` lists the rest.

PORT ?= 8000
UP ?=
PYTHON ?= python3
LOCK ?=
BIN := .venv/bin
STAMPS := .make
# Locks are complete, and an older pip does not find in them what is asked for with an extra.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
# Most tests wait for processes, so there are more workers than cores here.
PARALLEL ?= -n 4
N ?= 20000
# All of them, on a Debian that is made here: no registry is needed.
IMAGES ?=
BASE ?= --debootstrap

.PHONY: help run demo test test-slow fuzz screenshots bench bench-pipelines bench-export bench-tunnel js lint format lock docs \
	docs-reference images lock-images audit-images clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

run: $(STAMPS)/run $(STAMPS)/js ## start Datalab on this machine (PORT=8000, UP="--catalog FILE")
	@$(BIN)/datalab up --port $(PORT) $(UP)

demo: $(STAMPS)/test $(STAMPS)/js $(STAMPS)/programs ## the same, with data sources to try (S3, PostgreSQL)
	@$(BIN)/datalab up --port $(PORT) --demo $(UP)

test: $(STAMPS)/test $(STAMPS)/js $(STAMPS)/programs lint ## everything that has to be true, in minutes
	@tools/npm test --workspaces --silent
	$(BIN)/pytest $(PARALLEL) -m "not slow"

test-slow: $(STAMPS)/test $(STAMPS)/js $(STAMPS)/programs $(STAMPS)/image-programs ## long fault rounds, deep fuzzing, images
	$(BIN)/pytest $(PARALLEL) -m slow

fuzz: $(STAMPS)/test ## random notebooks through the exporter, for as long as wanted (N=20000)
	DATALAB_FUZZ=$(N) $(BIN)/pytest -q -m slow tests/unit/pipelines/export/test_fuzz.py -k many --hypothesis-show-statistics

screenshots: $(STAMPS)/test $(STAMPS)/js $(STAMPS)/programs ## renew the pictures in docs/images
	DATALAB_SCREENSHOTS=docs/images $(BIN)/pytest -q tests/browser

bench: $(STAMPS)/test $(STAMPS)/js $(STAMPS)/programs ## plain JupyterHub against Datalab; renews docs/benchmarks.md
	$(BIN)/python tests/bench/start.py

bench-pipelines: $(STAMPS)/test ## pipelines against Metaflow and aws-cdk; renews docs/benchmarks-pipelines.md
	$(BIN)/python tests/bench/pipelines.py

bench-export: $(STAMPS)/test ## datalab-export against soorgeon; renews docs/benchmarks-export.md
	$(BIN)/python tests/bench/export.py

bench-tunnel: $(STAMPS)/test $(STAMPS)/js ## SageMaker's tunnel against the direct way; renews docs/benchmarks-tunnel.md
	$(BIN)/python tests/bench/tunnel.py --write docs/benchmarks-tunnel.md

js: $(STAMPS)/js ## the proxy and the front ends

lint: $(STAMPS)/test ## formatting, style, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMPS)/test ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(STAMPS)/test ## requirement locks from requirements/*.in (LOCK=--upgrade renews all)
	tools/lock $(LOCK)

images: $(STAMPS)/js $(STAMPS)/image-tools $(STAMPS)/image-programs ## build images (IMAGES="hub base", BASE="--base debian:bookworm-slim")
	tools/images build $(BASE) $(IMAGES)
	tools/images sbom $(BASE) $(IMAGES)

lock-images: $(STAMPS)/image-tools ## requirement locks and package lists of the images (LOCK=--upgrade)
	tools/images lock $(LOCK)

audit-images: $(STAMPS)/image-tools ## known vulnerabilities of what the images' locks name
	tools/images audit $(IMAGES)

docs: $(STAMPS)/test ## the documentation as a site, in site/
	$(BIN)/mkdocs build --strict

docs-reference: $(STAMPS)/run ## renew what is generated from the models
	$(BIN)/python -m datalab_hub.catalog.reference > docs/reference/catalog.md
	$(BIN)/python -m datalab_hub.helm.schema > helm/datalab/values.schema.json

clean: ## forget the environment and everything built
	rm -rf .venv node_modules $(STAMPS) site extensions/*/*/labextension extensions/*/frontend/lib

# -- what the targets need, once ------------------------------------------------------------

$(STAMPS)/run: requirements/run.txt pyproject.toml $(wildcard extensions/*/pyproject.toml)
	@mkdir -p $(STAMPS)
	@echo "Installing Datalab into .venv (a minute or two, once)…"
	@tools/check-python "$(PYTHON)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --require-hashes -r requirements/run.txt
	@$(INSTALL) --no-build-isolation --no-index \
		-e extensions/datalab_workspace -e extensions/datalab_pipelines -e .
	@touch $@

$(STAMPS)/test: $(STAMPS)/run requirements/test.txt
	@echo "Installing what the tests need…"
	@$(INSTALL) --require-hashes -r requirements/test.txt
	@touch $@

FRONTENDS := $(wildcard $(foreach at,package.json src/* src/*/* style/* schema/*,extensions/*/frontend/$(at)))

$(STAMPS)/js: $(STAMPS)/run package.json package-lock.json tools/install-js $(FRONTENDS)
	@echo "Installing the proxy, building the front ends…"
	@tools/install-js
	@touch $@

$(STAMPS)/programs: $(STAMPS)/run
	@tools/install-test-programs
	@touch $@

$(STAMPS)/image-programs: $(STAMPS)/run
	@tools/install-image-programs
	@touch $@

$(STAMPS)/image-tools: $(STAMPS)/test requirements/images.txt
	@$(INSTALL) --require-hashes -r requirements/images.txt
	@touch $@
