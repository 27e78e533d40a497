# `make` lists what there is. Needs Python 3.11 or newer and nothing else: `make run` makes the rest.

.DEFAULT_GOAL := help
.PHONY: help run test chaos year bench conformance check audit-deps audit-ledger shell messages clean install install-dev
# Two runs of `make` may not build the environment at once, and output stays in order.
.NOTPARALLEL:

BIN := .venv/bin
# Names that a person may set: make run HOST=0.0.0.0 PORT=8001 VERBOSE=1
export HOST PORT DEBUG VERBOSE DATA_DIR

# A test of one's choice: make test ARGS="tests/config -k embedded"
ARGS ?=
# What `make bench` measures.
MEASURE ?= submit finish statements throughput streams inflight pages
# Every recipe that serves or tests ends with `exec`, and `--with-parent` ends it when make is killed.
EMBEDDED := $(BIN)/python -m config.embedded exec --with-parent
# What `make run` uses: its running servers, or its data.
PRODUCT := $(EMBEDDED) --
TEST_SERVICES := $(EMBEDDED) --volatile --root var/test --

help: ## List the commands
	@echo "Darkroom. Commands:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: install ## Start everything on http://127.0.0.1:8000 (PORT=…, HOST=…, VERBOSE=1)
	@exec $(BIN)/python -m config.supervisor --with-parent

test: install-dev ## Run all tests on real PostgreSQL, Valkey, workers and Chromium (ARGS=…)
	@$(BIN)/python -m tests.chromium
	@exec $(TEST_SERVICES) $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

conformance: install-dev ## Prove what needs the real nginx and ClamAV: apt install nginx-light clamav-daemon (ARGS=…)
	@exec $(TEST_SERVICES) $(BIN)/python -m pytest -n 0 tests/conformance $(ARGS)

chaos: install-dev ## Kill everything again and again while jobs run; prove that nothing was lost (ARGS="--jobs 500")
	@exec $(BIN)/python -m chaos.run --report docs/reliability.md $(ARGS)

year: install-dev ## Let 1 000 companies pay, fail, refund and spend for a simulated year; prove every credit (ARGS="--companies 50")
	@exec $(EMBEDDED) --volatile --root var/year -- $(BIN)/python -m chaos.year --report docs/reliability.md $(ARGS)

bench: install-dev ## Measure, in twenty quiet minutes; writes docs/performance.md (one alone: make bench MEASURE=pages ARGS="--rounds 9")
	@for name in $(MEASURE); do $(BIN)/python -m bench.$$name --write $(ARGS) || exit 1; done

check: install-dev ## Lint, types, layers, security, migrations, deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DEBUG=1 $(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml accounts billing config gallery generation
	@DEBUG=1 $(TEST_SERVICES) $(BIN)/python manage.py makemigrations --check
	@DEBUG=0 SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
		ALLOWED_HOSTS=darkroom.example PUBLIC_URL=https://darkroom.example \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

# What cannot be looked up fails too (`--strict`): an audit that saw nothing must not pass.
audit-deps: install-dev ## Known holes in what we depend on; asks PyPI (ARGS="--vulnerability-service osv")
	$(BIN)/pip-audit --strict --disable-pip --no-deps --progress-spinner off --requirement requirements.txt --requirement requirements-dev.txt $(ARGS)

audit-ledger: install ## Prove that every credit of what `make run` serves is accounted for
	@exec $(PRODUCT) $(BIN)/python manage.py audit_ledger

shell: install ## A Python shell on what `make run` serves
	@exec $(PRODUCT) $(BIN)/python manage.py shell

messages: install ## Collect the strings to translate
	@DEBUG=1 $(BIN)/python manage.py makemessages --all --no-location --ignore .venv --ignore var

clean: ## Remove the virtual environment and what tests and tools left; the data in var/ stays
	rm -rf .venv var/test var/chromium staticfiles htmlcov .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install:
	@$(call installed,requirements.txt,requirements.txt)

install-dev:
	@$(call installed,requirements-dev.txt,requirements.txt requirements-dev.txt)

# $(1): what to install. $(2): the files whose content decides whether that has been done.
define installed
set -eu; \
stamp=".venv/.$(1)-$$(cat $(2) | cksum | tr ' ' '-')"; \
if [ -e "$$stamp" ]; then exit 0; fi; \
if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	found=; \
	for candidate in $${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3; do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Darkroom needs Python 3.11 or newer, and none was found. Install it, or name it: make run PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
		echo "$$found cannot make virtual environments: its venv or ensurepip module is missing." >&2; \
		echo "On Debian and Ubuntu: apt install $$("$$found" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; \
		exit 1; \
	fi; \
	echo "Making the virtual environment .venv with $$found …"; \
	rm -rf .venv; \
	"$$found" -m venv .venv; \
fi; \
echo "Installing $(1) …"; \
$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(1); \
rm -f .venv/.$(1)-*; \
touch "$$stamp"
endef
