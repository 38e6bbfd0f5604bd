# The everyday commands. `make help` lists them; everything runs in .venv, which is made on first use from the
# locked and hashed requirements-dev.txt.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

export TZ := UTC

BIN := .venv/bin
PYTHON := $(BIN)/python
READY := .venv/.requirements-installed
# The S3 server of the tests does not go together with our own dependencies.
S3_READY := .venv-s3/.requirements-installed
LOCK_FLAGS := --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
# One more than the smallest machine has cores: tests of processes wait a good part of their time.
WORKERS ?= 3
ARGS ?=

# The tests of the pages drive Debian's chromium; Playwright's wheel has the driver and no browser.
INSTALL_CHROMIUM = env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium'

.PHONY: chromium help demo demo-reset story test test-fast test-cluster screenshots histories mutants lint format types contracts migrations openapi messages client check-recipes try-recipe bench lock check

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements-dev.txt
	@python=; for candidate in python3.11 python3 python; do \
	  if command -v $$candidate >/dev/null 2>&1 \
	    && $$candidate -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; \
	  then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 is needed and was found neither as python3.11 nor as python3; please install it." >&2; exit 2; fi; \
	if ! $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  if ! $$python -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	    echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; fi; \
	  echo "Making .venv with $$python ..."; $$python -m venv --clear .venv || exit 2; fi
	@echo "Installing the locked dependencies into .venv ..."
	@$(PYTHON) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(S3_READY): tests/s3/requirements.txt | $(READY)
	@echo "Installing the S3 server of the tests into .venv-s3 ..."
	@$(PYTHON) -m venv --clear .venv-s3
	@.venv-s3/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r tests/s3/requirements.txt
	@touch $@

chromium: ## install the browser of the tests where none is on the PATH (Debian and Ubuntu)
	@command -v chromium >/dev/null 2>&1 && exit 0; \
	if ! command -v apt-get >/dev/null 2>&1; then \
	  echo "The tests of the pages need chromium on the PATH and there is no apt-get here; please install it." >&2; exit 2; fi; \
	if [ "$$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then \
	  echo "The tests of the pages need chromium on the PATH; please install it as root: apt-get install chromium" >&2; exit 2; fi; \
	echo "Installing chromium ..."; \
	if [ "$$(id -u)" -eq 0 ]; then $(INSTALL_CHROMIUM); else sudo $(INSTALL_CHROMIUM); fi

demo: $(READY) ## run everything on this machine; PORT, BASE_DOMAIN and KUBECONFIG are honoured
	@$(PYTHON) -m minispod.local.demo --end-with-parent

demo-reset: $(READY) ## delete the data of the demo
	@$(PYTHON) -m minispod.local.reset

story: $(READY) ## play the whole customer story against the running demo
	@$(PYTHON) -m minispod.local.story $(ARGS)

test: $(READY) $(S3_READY) chromium ## run all tests
	@$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-fast: $(READY) ## run the tests that need neither server nor simulator
	@$(PYTHON) -m pytest tests/unit -x -q $(ARGS)

test-cluster: $(READY) ## run the contract suites and the story on the cluster of KUBECONFIG (an administrator's) too, with our own accounts
	@$(PYTHON) -m pytest tests/contracts/kubernetes tests/contracts/cluster tests/scenarios/test_story.py --cluster $(ARGS)

screenshots: $(READY) chromium ## look at all pages and renew their pictures in docs/pages
	@$(PYTHON) -m pytest tests/browser/test_every_page.py -n $(WORKERS) $(ARGS)
	@$(PYTHON) -m tests.browser.gallery

histories: $(READY) ## play many random histories (HISTORIES=20000); HISTORIES_SEED repeats a run
	@HISTORIES=$${HISTORIES:-20000} $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile \
	  tests/scenarios/test_random_histories.py tests/scenarios/test_histories_at_once.py $(ARGS)

mutants: $(READY) $(S3_READY) ## remove each lock, guard and constraint of the money paths in turn: does a test notice?
	@$(PYTHON) -m tests.mutants $(ARGS)

lint: $(READY) ## check style and layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY) ## repair style and layout
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY) ## check types, strictly
	@$(BIN)/mypy

contracts: $(READY) ## check which room may import which
	@$(BIN)/lint-imports

migrations: $(READY) ## check that migrations and models agree: up, down, up
	@$(PYTHON) -m pytest tests/house -q -k migration $(ARGS)

openapi: $(READY) ## write the OpenAPI snapshot anew
	@DATABASE_URL=postgresql://unused@127.0.0.1:1/unused REDIS_URL=redis://127.0.0.1:1/0 \
	  $(BIN)/flask --app wsgi openapi write docs/openapi.json

messages: $(READY) ## gather the texts of the pages into translations/id.po, keeping what is translated
	@$(PYTHON) -m tests.messages

client: ## generate the TypeScript client from docs/openapi.json and compile it (needs node)
	@command -v npm >/dev/null 2>&1 || { echo "npm is needed for the TypeScript client; on Debian and Ubuntu: apt install npm" >&2; exit 2; }
	@cd clients/typescript && npm ci --silent --no-audit --no-fund && npm run --silent generate && npm run --silent check
	@echo "clients/typescript compiles"

check-recipes: $(READY) ## check recipe files: make check-recipes FILES="my.yaml other.yaml"
	@DATABASE_URL=postgresql://unused@127.0.0.1:1/unused REDIS_URL=redis://127.0.0.1:1/0 \
	  $(BIN)/flask --app wsgi recipes check $(or $(FILES),minispod/catalog/recipe_files/*.yaml)

try-recipe: $(READY) ## run a recipe on the cluster of KUBECONFIG and remove it: make try-recipe FILE=my.yaml
	@DATABASE_URL=postgresql://unused@127.0.0.1:1/unused REDIS_URL=redis://127.0.0.1:1/0 \
	  $(BIN)/flask --app wsgi recipes try $(FILE) $(ARGS)

bench: $(READY) ## measure; figures are reported, not asserted
	@$(PYTHON) -m bench $(ARGS)

lock: $(READY) ## resolve the dependencies anew (needs uv)
	@command -v uv >/dev/null 2>&1 || { echo "uv is needed to resolve dependencies: pip install uv" >&2; exit 2; }
	uv pip compile pyproject.toml -o requirements.txt --quiet $(LOCK_FLAGS)
	uv pip compile pyproject.toml -o requirements-dev.txt --quiet $(LOCK_FLAGS) --extra demo --extra dev -c requirements.txt
	uv pip compile tests/s3/requirements.in -o tests/s3/requirements.txt --quiet $(LOCK_FLAGS)

check: lint types contracts test ## all that CI runs
