# Everything works in .venv, which `make setup` makes from Python 3.11 and the pinned constraints.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

SEEDS := 1000
KILLS := 100
BROKERS := 20
SEED := 1
RECORDS := 1000000

.PHONY: help setup demo test lint unit acceptance simulate scaling chaos fuzz clean

help: ## Show what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed ## Install newsloom and all it needs into .venv

# torch first: what depends on it then takes this build and not one with CUDA.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[embedder,clusterer,cli,evaluation,dev]'
	@touch $@

demo: setup ## Replay the sample stream through both services and print its stories
	$(BIN)/newsloom demo

test: setup lint unit ## Check and test everything that takes minutes, on Kafka too where it is found

lint: setup ## Format, lint, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup ## The tests alone
	$(BIN)/pytest -m 'not slow'

acceptance: setup ## The slow tests: whole replays on both logs, with kills; fire on the SQLite log; simulations (needs ../shared/data for the largest)
	$(BIN)/pytest -m slow tests/acceptance tests/fire tests/simulation tests/unit/evaluation

simulate: setup ## Storms of faults over the services' own code on a simulated log, and the proof (SEEDS=1000 SEED=1, ~15 min)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(SEED) --report docs/results/simulation.md

scaling: setup ## Replicas that come and go, and a small chaos run, on a real Kafka (needs KAFKA_HOME and Java)
	$(BIN)/pytest -m slow tests/scaling tests/chaos tests/kafka tests/unit/migration

chaos: setup ## Blows to services and brokers of a real Kafka cluster, and the proof (KILLS=100 BROKERS=20 SEED=1, ~30 min)
	$(BIN)/python -m tests.chaos --kills $(KILLS) --brokers $(BROKERS) --seed $(SEED) --report docs/results/chaos.md

fuzz: setup ## A soak of hostile records through both services, and the proof that each is accounted for (RECORDS=1000000 SEED=1)
	$(BIN)/python -m tests.fuzz --records $(RECORDS) --seed $(SEED) --report docs/results/fuzz.md

clean: ## Remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
