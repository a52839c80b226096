# `make` lists the targets. Everything is installed into this folder (.venv, .tools); only
# setup-test may install Debian packages, and only those whose command is missing.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

PYTEST := $(VENV)/bin/python -m pytest
# A file's tests share what they start; conftest.py begins with the slowest files. Tests of brokers
# mostly wait, so that there are more workers than cores.
SHARED := --dist loadfile --no-loadscope-reorder
WORKERS ?= 4
# On shared cores two threads of torch wait for each other far longer than they work.
test quick check check-long durations: export OMP_NUM_THREADS ?= 1
JARS := .tools/kafka/libs
# Where this is set, every start of Python compiles torch anew, which doubles its time.
unexport PYTHONDONTWRITEBYTECODE
# An install is done again when what it depends on has changed.
INPUTS := pyproject.toml Makefile
DEMO_DONE := $(VENV)/.installed-demo
ALL_DONE := $(VENV)/.installed-all
QUALITY_DONE := $(VENV)/.installed-quality
JARS_DONE := .tools/kafka/.installed
REGISTRY := .tools/schema-registry/app
# Without them here, they would stand beside pom.xml and say that all is unpacked.
REGISTRY_MARKERS := .tools/schema-registry/markers
REGISTRY_DONE := .tools/schema-registry/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: quick check-long durations closed-loop chaos soak stack stack-test help setup setup-demo setup-test kafka-jars registry-jars debian-packages demo test check fuzz experiments bench-drift bench-rivals bench-real-drift bench bench-swaps bench-quality dashboards screenshots docs rules clean up lock image-test words

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup-demo  ## run the main job on real digits, no Kafka needed (ARGS=--once to end by itself)
	@$(VENV)/bin/aead-monitor demo $(ARGS)

# A few tests are there sooner, and can be talked to, without workers.
test: setup-test  ## run all tests, those on a real Kafka included, half an hour (ARGS="-k word" for some)
	@$(PYTEST) $(if $(ARGS),$(ARGS),$(SHARED) --numprocesses $(WORKERS))

quick: setup  ## what to run while working: no broker, no Java, nothing slow (ARGS="-k word" for some)
	@$(VENV)/bin/ruff check --quiet .
	@$(PYTEST) $(SHARED) --numprocesses 2 -m "not kafka and not mlflow and not slow" $(ARGS)

check: setup-test  ## what CI runs: ruff, mypy, all tests, and a share of what is exhaustive
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(PYTEST) $(SHARED) --numprocesses $(WORKERS) --hypothesis-seed=$$($(VENV)/bin/python -m tests.share)

check-long: setup-test  ## every seed, every place of a crash, every changed rule: what CI takes a share of (an hour)
	@AEAD_LONG=1 $(PYTEST) $(SHARED) --numprocesses $(WORKERS) $(ARGS)
	@$(VENV)/bin/python -m tests.deploy.mutants
	@$(MAKE) --no-print-directory fuzz

durations: setup-test  ## run all tests and note how long each takes (tests/durations.json)
	@$(PYTEST) $(SHARED) --numprocesses 2 --junitxml=.pytest_cache/durations.xml
	@$(VENV)/bin/python -m tests.durations .pytest_cache/durations.xml

setup: $(ALL_DONE)  ## install the package and all its tools into .venv

setup-demo: $(DEMO_DONE)  ## install only what the demo needs

setup-test: $(ALL_DONE) $(JARS_DONE) $(REGISTRY_DONE) debian-packages  ## install what the tests need too: Kafka, a Schema Registry, kafkacat, Prometheus, Alertmanager, chromium

kafka-jars: $(JARS_DONE)  ## download Apache Kafka for the tests

registry-jars: $(REGISTRY_DONE)  ## download a Schema Registry for the tests (142 MB)

# What is installed already serves the demo too, so the larger install counts for both.
$(DEMO_DONE): $(INPUTS)
	@bash .ci/install "$(PYTHON)" "$(VENV)" '.[demo]'
	@touch $@

$(ALL_DONE): $(INPUTS)
	@bash .ci/install "$(PYTHON)" "$(VENV)" '.[demo,dev]'
	@touch $(DEMO_DONE) $@

$(QUALITY_DONE): $(ALL_DONE)
	@bash .ci/install "$(PYTHON)" "$(VENV)" '.[demo,dev,quality]'
	@touch $@

$(JARS_DONE): tests/kafka/pom.xml
	@command -v mvn >/dev/null || { echo "mvn is not there. Install Maven and Java 17:" \
		"apt-get install maven openjdk-17-jre-headless" >&2; exit 1; }
	@rm -rf $(JARS)
	@echo "downloading Apache Kafka into $(JARS)"
	@mvn -q -B -Dstyle.color=never -f $< dependency:copy-dependencies \
		-DoutputDirectory=$(CURDIR)/$(JARS)
	@touch $@

$(REGISTRY_DONE): tests/schema_registry/pom.xml
	@command -v mvn >/dev/null || { echo "mvn is not there. Install Maven and Java 17:" \
		"apt-get install maven openjdk-17-jre-headless" >&2; exit 1; }
	@rm -rf $(REGISTRY) $(REGISTRY_MARKERS)
	@echo "downloading a Schema Registry into $(REGISTRY)"
	@mvn -q -B -Dstyle.color=never -f $< dependency:unpack-dependencies \
		-DoutputDirectory=$(CURDIR)/$(REGISTRY) -DmarkersDirectory=$(CURDIR)/$(REGISTRY_MARKERS) \
		&& touch $@ || echo "no Schema Registry could be had: tests/schema_registry will be skipped"

debian-packages:
	@bash .ci/debian-packages

closed-loop: setup-test  ## the whole circle on a real broker: drift, request, new model, resolved (minutes)
	@$(VENV)/bin/python -m tests.kafka.with_broker examples.closed_loop $(ARGS)

stack: setup-test  ## the whole stack from packages, without Docker, until Ctrl-C: two daemons, Kafka, Prometheus, Alertmanager
	@$(VENV)/bin/python -m examples.stack $(ARGS)

stack-test: setup-test  ## drift and a lost daemon, from the stream to a notification, and every panel of the dashboards (minutes)
	@$(PYTEST) -s tests/stack $(ARGS)

up:  ## the whole stack by docker compose: Kafka, Prometheus, Alertmanager, Grafana, the daemon
	@deploy/compose/secrets
	@docker compose up --detach --build

image-test: setup  ## carry out deploy/Dockerfile in a clean root and run what it gives (as root; ten minutes)
	@$(VENV)/bin/python -m tests.deploy.image_test $(ARGS)

lock: setup  ## write deploy/requirements anew, with the newest versions that pyproject.toml allows (ARGS="avro" for extras)
	@$(VENV)/bin/python deploy/requirements/lock.py $(ARGS)

fuzz: setup  ## every codec and wrap against 200,000 edited payloads, claims of gigabytes, atheris, Hypothesis (an hour)
	@$(VENV)/bin/python -m tests.fuzz.run --payloads 200000 --seed 0
	@$(VENV)/bin/python -m tests.fuzz.wraps --payloads 200000 --seed 0
	@$(VENV)/bin/python -m tests.fuzz.claims
	@$(VENV)/bin/python -m tests.fuzz.with_atheris --runs 200000 --seed 1
	@$(PYTEST) tests/fuzz --hypothesis-profile fuzz

experiments: setup  ## run the tutorials' experiments (needs AEAD_DATA; about six minutes)
	@$(VENV)/bin/python -m benchmarks.tutorials

bench-drift: setup  ## the drift test against its bars, its rivals and real errors (needs AEAD_DATA; three quarters of an hour)
	@$(VENV)/bin/python -m benchmarks.drift_cost
	@$(VENV)/bin/python -m benchmarks.drift
	@$(MAKE) --no-print-directory --jobs 2 bench-rivals bench-real-drift
	@$(VENV)/bin/python -m benchmarks.drift_table
	@$(VENV)/bin/python -m benchmarks.drift_pictures

# Each keeps one core busy: bench-drift runs them side by side.
bench-rivals:
	@$(VENV)/bin/python -m benchmarks.rival_table >out/rivals.md
	@$(VENV)/bin/python -m benchmarks.channel_rivals >out/channel-rivals.md

bench-real-drift:
	@$(VENV)/bin/python -m benchmarks.real_drift
	@$(VENV)/bin/python -m benchmarks.tennessee
	@$(VENV)/bin/python -m benchmarks.channel_drift --seeds 1 --case tep aloi
	@$(VENV)/bin/python -m benchmarks.channel_naming
	@$(VENV)/bin/python -m benchmarks.channel_budget --records 1000000

bench: setup-test  ## what we cost beside what nobody can do without, into docs/benchmarks (ARGS="--short", "--only NAME"; a quarter of an hour)
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m benchmarks.bench $(ARGS)

bench-swaps: setup  ## what replacing the model costs while records flow at full speed (ARGS="--swaps 20")
	@$(VENV)/bin/python -m benchmarks.swaps $(ARGS)

bench-quality: $(QUALITY_DONE)  ## how well anomalies are found, beside Isolation Forest and published methods (needs AEAD_DATA; an hour and a half)
	@$(VENV)/bin/python -m benchmarks.quality.vectors --preset auto
	@$(VENV)/bin/python -m benchmarks.quality.plant
	@$(VENV)/bin/python -m benchmarks.quality.weaknesses
	@$(VENV)/bin/python -m benchmarks.quality.pictures --preset auto
	@$(VENV)/bin/python -m benchmarks.quality.objectives
	@$(VENV)/bin/python -m benchmarks.quality.localised
	@$(VENV)/bin/python -m benchmarks.quality.embeddings

chaos: setup-test  ## kill daemons and brokers at random, and check the books (ARGS="--seed 1"; half an hour)
	@$(VENV)/bin/python -m tests.chaos.run $(ARGS)
	@$(VENV)/bin/python -m tests.chaos.run --transactions $(ARGS)
	@$(VENV)/bin/python -m tests.chaos.replay

soak: setup-test  ## three million records through a real broker, and laps of churn over a thousand partitions, watching memory, files and threads
	@$(VENV)/bin/python -m tests.chaos.soak $(ARGS)
	@$(VENV)/bin/python -m tests.chaos.churn

dashboards: setup  ## write the Grafana dashboards (deploy/grafana/dashboards) from deploy/grafana/generate
	@$(VENV)/bin/python -m deploy.grafana.generate

screenshots: setup-test  ## take the pictures of the status page (docs/images), in a real browser (a minute)
	@$(VENV)/bin/python -m tests.browser.screenshots

docs: setup  ## write docs/metrics.md from the code
	@$(VENV)/bin/python -m tests.monitor.metrics.metrics_table

words: setup  ## write the public words anew (tests/public_words/text); a test compares them
	@$(VENV)/bin/python -m tests.public_words

rules: setup  ## copy the alert rules for Kubernetes and Grafana (ARGS="--runbooks URL --grafana URL" for your addresses)
	@$(VENV)/bin/python -m deploy.prometheus.generate $(ARGS)

clean:  ## remove everything that was installed or built here
	rm -rf $(VENV) .tools build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find models monitor tests -name __pycache__ -type d -prune -exec rm -rf {} +
