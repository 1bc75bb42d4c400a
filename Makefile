# All targets use .venv, which `make setup` creates from Python 3.11 and the pinned constraints.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

SEEDS := 1000
KILLS := 100
BROKERS := 20
SEED := 1
RECORDS := 1000000
SERVICE := clusterer

.PHONY: help setup demo test lint unit acceptance simulate scaling kubernetes images pods chaos fuzz sbom clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed ## Install newsloom and its dependencies into .venv

# torch first: its dependents then accept this build and do not pull in one with CUDA.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[embedder,clusterer,storypage,cli,evaluation,dev]'
	@touch $@

demo: setup ## Replay the sample stream through both services; on a terminal with the story page, until Ctrl-C
	if [ -t 1 ]; then $(BIN)/newsloom demo --page; else $(BIN)/newsloom demo; fi

test: setup lint unit ## All checks and tests that take minutes, on Kafka too if it is found

lint: setup ## Format, lint, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup ## The tests of `make test` without the checks
	$(BIN)/pytest -m 'not slow'

acceptance: setup ## The slow tests: whole replays with kills on both logs; damage to the SQLite log; simulations (the largest need ../shared/data)
	$(BIN)/pytest -m slow tests/acceptance tests/sqlite_faults tests/simulation tests/unit/evaluation

simulate: setup ## Seeded faults over the services' own code on a simulated log, with a checker (SEEDS=1000 SEED=1, ~15 min)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(SEED) --report docs/results/simulation.md

scaling: setup ## Joining and leaving replicas, and a small chaos run, on a real Kafka (needs KAFKA_HOME and Java)
	$(BIN)/pytest -m slow tests/scaling tests/chaos tests/kafka tests/unit/migration

kubernetes: setup ## The manifests on a real API server (needs kubectl, and KUBERNETES_HOME or ../shared/kubernetes)
	$(BIN)/pytest tests/kubernetes

images: ## Build the images and save them in images/ (needs root, buildah and ../shared/image; IMAGE_ARGS are arguments of the build)
	mkdir -p images
	for target in cli clusterer embedder storypage; do \
		../shared/image build --layers --tag localhost/newsloom-$$target:1 --target $$target --file deploy/Dockerfile $(IMAGE_ARGS) . && \
		../shared/image save localhost/newsloom-$$target:1 images/$$target.tar || exit 1; \
	done

pods: setup ## The images as real pods on one node, under kills, drains and rollouts; prints what it measures (needs root and `make images`)
	NEWSLOOM_TEST_IMAGES=$(CURDIR)/images $(BIN)/pytest --capture=no tests/pods

chaos: setup ## Kill services and brokers of a real Kafka cluster, then check the result (KILLS=100 BROKERS=20 SEED=1, ~30 min)
	$(BIN)/python -m tests.chaos --kills $(KILLS) --brokers $(BROKERS) --seed $(SEED) --report docs/results/chaos.md

fuzz: setup ## Send hostile records through both services and check what became of each (RECORDS=1000000 SEED=1)
	$(BIN)/python -m tests.fuzz --records $(RECORDS) --seed $(SEED) --report docs/results/fuzz.md

accidents: setup ## Ordinary accidents at scale: thousands of copies, take-downs, corrections, large stories (~30 min)
	$(BIN)/python -m tests.accidents --report docs/results/accidents.md

sbom: ## Write sbom-SERVICE.json, a CycloneDX list of what the image of a service contains (SERVICE=clusterer)
	$(PYTHON) -m venv --clear $(VENV)/sbom/$(SERVICE)
	$(VENV)/sbom/$(SERVICE)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt '.[$(SERVICE)]'
	$(PYTHON) -m venv $(VENV)/sbom/tool
	$(VENV)/sbom/tool/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	$(VENV)/sbom/tool/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file sbom-$(SERVICE).json $(VENV)/sbom/$(SERVICE)/bin/python

clean: ## Remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
