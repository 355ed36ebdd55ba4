# Everything a fresh machine needs is Python 3.11-3.13 and make; each target sets up .venv by itself.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { command -v $$p; break; }; done)
BIN := .venv/bin

.PHONY: demo test deep pythons fuzz check bench screenshots docs format clean

demo: .venv/.demo ## the console on the local hub
	@$(BIN)/hubwarden demo

test: .venv/.dev ## the tests, without the long trials
	@$(BIN)/python -m compileall -q console # the many processes that tests start need not each do it
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not slow" tests

DEEP ?= deep
deep: .venv/.dev ## every test and the long trials, with fewer of them than promised: make deep DEEP=full makes them all
	@$(BIN)/python -m compileall -q console
	HUBWARDEN_DEPTH=$(DEEP) $(BIN)/python -m pytest -n 3 --dist loadfile tests

pythons: .venv/bin/python ## the tests on every Python from 3.11 on that is here
	@$(BIN)/python tests/pythons.py

FUZZ_EXAMPLES ?= 100000
fuzz: .venv/.dev ## the parsers of certificates, tokens, payloads and MQTT, for longer: make fuzz FUZZ_EXAMPLES=1000000
	HUBWARDEN_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n 2 tests/unit/test_*_fuzz.py tests/localhub/test_mqtt_fuzz.py

check: .venv/.dev ## format, lint, types, layers
	$(BIN)/ruff format --check console tests benchmarks screenshots
	$(BIN)/ruff check console tests benchmarks screenshots
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev
	$(BIN)/ruff format console tests benchmarks screenshots
	$(BIN)/ruff check --fix console tests benchmarks screenshots

bench: .venv/.dev ## the figures the README quotes
	$(BIN)/python -m benchmarks --write

screenshots: .venv/.dev ## SVG and PNG of each pane, from the demo
	$(BIN)/python screenshots/make.py $(SCENES)

docs: .venv/.dev ## the key table in the README, from the registry of commands
	$(BIN)/python -c "import re, pathlib; from console.ui.commands import key_table; p = pathlib.Path('README.md'); \
	p.write_text(re.sub(r'(?s)(<!-- keys:begin -->\n).*?(<!-- keys:end -->)', lambda m: m[1] + key_table() + m[2], p.read_text()))"

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "hubwarden needs Python 3.11, 3.12 or 3.13: install one, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON) (once, about a minute) ..."
	@$(PYTHON) -m venv .venv

.venv/.demo: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo,dev]'
	@touch $@ .venv/.demo

clean:
	rm -rf .venv .venv-3.* .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
