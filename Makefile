# The one command file. `make` lists what there is.

# Set for the sake of images, it would let every process compile anew whatever it imports, before it does anything else.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := $(VENV)/peers
UV     := $(BIN)/uv
ARGS   ?=

# A development environment holds all that the demo needs: it is kept, never made smaller.
READY := $(if $(wildcard $(VENV)/.dev),$(VENV)/.dev,$(VENV)/.light)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test unit check pages docs site record screenshots faults faults-long bench-peers licences lock dist sbom clean

help: ## list the commands
	@grep -hE '^[a-z%-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z%-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(VENV)/.dev ## make .venv with all that development needs

demo: $(READY) ## speak examples/requests.jsonl through a Kafka of its own
	@$(BIN)/python examples/demo.py $(ARGS)

test: $(VENV)/.dev ## the tests, but for those of check, pages and faults
	@$(BIN)/pytest -m "not faults" $(addprefix --ignore=,$(CHECKED) tests/docs) -n 4 --dist worksteal $(ARGS)

unit: $(VENV)/.dev ## the tests that start no process: seconds
	@$(BIN)/pytest tests/unit -n 2 $(ARGS)

# What is held against other people's tools, or against the code, without running Loa.
CHECKED := tests/documents tests/contract tests/deploy

check: $(VENV)/.dev ## format, lint, types, conventions, documents, schemas, chart
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q $(CHECKED)

docs: $(VENV)/.dev ## write what the documents take from the code anew, and the dashboard
	@PYTHONPATH=. $(BIN)/python docs/reference.py
	@$(BIN)/python docs/dashboard.py

licences: $(VENV)/.dev ## write docs/licences.md, the licences of all packages
	@$(BIN)/python docs/licences.py

site: $(VENV)/.dev ## build the documentation into dist/site, which needs nothing from elsewhere
	@PYTHONPATH=. NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict

record: $(VENV)/.dev ## record what this version writes to the topics, for tests of later ones
	@PYTHONPATH=. $(BIN)/python docs/record_events.py

screenshots: $(VENV)/.dev ## make the pictures of the operator's page and of the dashboard in docs/images anew
	@PYTHONPATH=. $(BIN)/python docs/screenshots.py
	@PYTHONPATH=. $(BIN)/python docs/dashboard_picture.py

pages: $(VENV)/.dev ## every command of the quick start and the how-tos, to the letter
	@$(BIN)/pytest tests/docs -n 2 --dist worksteal $(ARGS)

faults: $(VENV)/.dev ## fault runs, some minutes
	@$(BIN)/pytest tests/faults -m faults -n 2 --dist worksteal $(ARGS)

faults-long: $(VENV)/.dev ## fault runs, as long as it takes
	@LOA_FAULTS=long $(BIN)/pytest tests/faults tests/kafka/test_long_text.py -n 2 --dist worksteal --timeout=0 $(ARGS)

bench-%: $(VENV)/.dev ## run one of benchmarks/
	@$(BIN)/python benchmarks/$(subst -,_,$*).py $(ARGS)

bench-peers: $(PEERS)/.ready ## the same voice in Loa, Faust, FastStream, Celery and FastAPI
	@$(PEERS)/bin/python benchmarks/peers.py $(ARGS)

lock: $(VENV)/.uv ## resolve requirements/ anew
	$(COMPILE) --extra voices --extra broker --extra postgres --extra s3 --group build -o requirements/light.txt pyproject.toml
	$(COMPILE) --extra all --group build --group dev -c requirements/light.txt -o requirements/dev.txt pyproject.toml
	$(COMPILE) --extra voices --extra postgres --extra s3 --extra otel --group build -c requirements/dev.txt -o requirements/image.txt pyproject.toml
	$(COMPILE) --extra voices --extra postgres --extra s3 --extra otel --extra torch --extra uroman --group build -c requirements/dev.txt -o requirements/gpu.txt pyproject.toml
	$(COMPILE) --extra voices --extra broker --group build --group peers -c requirements/dev.txt -o requirements/peers.txt pyproject.toml
	echo uv | $(COMPILE) -o requirements/uv.txt -

dist: $(VENV)/.dev ## build what is released: dist/*.tar.gz and dist/*.whl
	@rm -rf dist
	@$(UV) build -q --no-build-isolation --python $(BIN)/python >&2
	@ls dist

# An environment as an image has it; the bill of materials wants the version in words, where pyproject.toml leaves it to git.
IMAGE = $(VENV)/image
sbom: $(VENV)/.dev ## list what an image holds: dist/loa.cdx.json (CycloneDX)
	@mkdir -p dist
	@$(UV) venv -q --clear --python $(BIN)/python $(IMAGE) >&2
	@$(UV) pip sync -q --python $(IMAGE)/bin/python --require-hashes requirements/image.txt >&2
	@$(UV) pip install -q --python $(IMAGE)/bin/python --no-deps --no-build-isolation . >&2
	@sed "s/^dynamic = .*/version = \"$$($(IMAGE)/bin/loa --version)\"/" pyproject.toml > $(IMAGE)/pyproject.toml
	@$(BIN)/cyclonedx-py environment $(IMAGE)/bin/python --pyproject $(IMAGE)/pyproject.toml --output-reproducible \
	  -o dist/loa.cdx.json >&2
	@rm -rf $(IMAGE)

clean: ## remove .venv and caches; data stays
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# docopt serves num2words' own command alone, and has no wheel: it would be built with what no hash pins.
COMPILE = $(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
          --no-emit-package docopt

# Everything that sets up writes to standard error: standard output belongs to the commands.

$(VENV)/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Loa needs Python 3.11 or newer, and this is " \
	  + sys.version.split()[0] + ": make $(MAKECMDGOALS) PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) …" >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt >&2
	@touch $@

# Hatchling comes from the lock too: without build isolation nothing is fetched that has no hash.
# Compiled once, here: a process that has to compile its packages by itself starts at half the speed.
define install
@$(UV) pip sync -q --compile-bytecode --python $(2)/bin/python --require-hashes requirements/$(1).txt >&2
@$(UV) pip install -q --python $(2)/bin/python --no-deps --no-build-isolation --editable . >&2
endef

$(VENV)/.light: $(VENV)/.uv requirements/light.txt pyproject.toml
	$(call install,light,$(VENV))
	@touch $@

$(VENV)/.dev: $(VENV)/.uv requirements/dev.txt pyproject.toml
	$(call install,dev,$(VENV))
	@touch $(VENV)/.light $@

$(PEERS)/.ready: $(VENV)/.uv requirements/peers.txt pyproject.toml
	@echo "Setting up $(PEERS) …" >&2
	@$(PYTHON) -m venv $(PEERS) >&2
	$(call install,peers,$(PEERS))
	@touch $@
