# The Makefile of the template. {{cookiecutter.project_slug}}/Makefile is the Makefile of the projects.

PYTHON ?= python3
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Puts the tools of .venv on the PATH, for each command and the processes that it starts.
IN_VENV = PATH="$(CURDIR)/.venv/bin:$$PATH"
BUILD ?= build
COMPILE = uv pip compile -q --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock"
CHECK_PYTHON = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make: Python 3.11 or newer is needed; name one, for example: make PYTHON=python3.13")'

.DEFAULT_GOAL := help
.PHONY: help develop init demo test test-all lint format difference bench bench-quick listings docs lock audit ci

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

develop: .venv/develop.txt ## Install the tools for work on the template into .venv

.venv/develop.txt: requirements/develop.txt
	@$(CHECK_PYTHON)
	@echo "Installing the tools of the template into .venv (a minute or two the first time) …"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -q --require-hashes -r $<
	@cp $< $@

# Rules for the separate environment .venv/$(1), with requirements/$(1).txt. $(2) is an optional prerequisite.
define environment
.venv/$(1)/$(1).txt: requirements/$(1).txt $(2)
	@$(CHECK_PYTHON)
	@echo "Installing requirements/$(1).txt into .venv/$(1) …"
	@rm -rf .venv/$(1)
	@if command -v uv >/dev/null; then \
		uv venv -q --python $(PYTHON) .venv/$(1) && uv pip sync -q --python .venv/$(1) --require-hashes requirements/$(1).txt; \
	else \
		$(PYTHON) -m venv .venv/$(1) && .venv/$(1)/bin/python -m pip install -q --require-hashes -r requirements/$(1).txt; \
	fi
	@cp requirements/$(1).txt $$@

endef
$(eval $(call environment,demo))

init: develop ## Replace the template with the project, in this clone
	@command -v git >/dev/null || { echo "init: git is not installed; nothing was changed" >&2; exit 1; }
	@.venv/bin/python -m tools.init
	@# The project creates its own .venv and build, so the template's are removed.
	@rm -rf .venv build
	@printf '\nNext:\n\n    make test\n    git add --all && git commit\n    make start\n\n'

# The names of the variables on the command line. The environment may have a `license` of its own.
GIVEN = $(strip $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))

demo: .venv/demo/demo.txt ## Render, install and serve a project: make demo datastore=sql auth=jwt
	@BUILD="$(BUILD)" PORT="$(PORT)" .venv/demo/bin/python -m tools.demo $(GIVEN)

test: develop ## Run the quick tests: render every pair of answers; install two projects
	$(IN_VENV) pytest -n 3 --dist worksteal -m "not thorough"

test-all: test ## Run all tests: render every combination; install the covering array
	$(IN_VENV) pytest -n 3 --dist worksteal -m thorough

lint: develop ## Check the style of the template and of the project's files
	$(IN_VENV) ruff check --no-cache && $(IN_VENV) ruff format --no-cache --check

format: develop ## Format the code and sort its imports
	$(IN_VENV) ruff check --no-cache --fix && $(IN_VENV) ruff format --no-cache

BASE ?= origin/main

difference: develop ## Show how the projects differ from those of BASE (origin/main)
	@$(IN_VENV) python -m tools.difference $(BASE) $(BUILD)/difference

# The environments of `make bench`: `bench` draws the picture; the others run the frameworks to compare with.
MEASURED = bench fastapi litestar sklearn
$(foreach each,$(MEASURED),$(eval $(call environment,$(each),.venv/develop.txt)))

bench: develop $(foreach each,$(MEASURED),.venv/$(each)/$(each).txt) ## Measure the projects (half an hour); write docs/bench.json, bench.svg and the tables of scaling.md and answers.md
	$(IN_VENV) python -m bench
	.venv/bench/bin/python -m bench.picture
	$(IN_VENV) python -m bench.scaling
	$(IN_VENV) python -m bench.answers 3

bench-quick: develop ## Measure in two minutes whether the projects are far from their goals
	$(IN_VENV) python -m bench --quick

listings: develop ## Write example/, tests/rendering/listings/ and the counts in docs/answers.md
	$(IN_VENV) python -m tools.listings >/dev/null
	$(IN_VENV) python -m tools.example >/dev/null
	$(IN_VENV) python -m tools.answers >/dev/null

docs: develop ## Write templates/docs/, the OpenAPI documents of the projects
	$(IN_VENV) python -m tools.documents >/dev/null

lock: UPGRADE ?= --upgrade
# The requirements of the template itself. tools/locks.py locks those of the projects.
OWN = develop demo clients $(MEASURED)

lock: develop ## Upgrade and lock all requirements; UPGRADE="--upgrade-package flask" upgrades one
	set -e; cd requirements; for each in $(OWN); do $(IN_VENV) $(COMPILE) $(UPGRADE) $$each.in -o $$each.txt; done
	$(IN_VENV) python -m tools.locks $(UPGRADE)

audit: develop ## Look for known vulnerabilities in all locked requirements; needs pypi.org
	@rm -rf $(BUILD)/audit
	$(IN_VENV) python -m tools.render $(BUILD)/audit >/dev/null
	$(IN_VENV) $(MAKE) -s -C $(BUILD)/audit/default/my-flask-api .venv/audit/audit.txt
	@# One run for each file: pip-audit refuses two versions of a package, and each file is locked separately.
	@status=0; for locks in $(OWN:%=requirements/%.txt) "$(BUILD)/audit/*/my-flask-api/requirements/*.txt"; do \
		echo "Auditing $$locks …"; \
		$(BUILD)/audit/default/my-flask-api/.venv/audit/bin/pip-audit --strict --disable-pip --require-hashes \
			$$(printf -- '-r %s ' $$locks) || status=1; done; exit $$status

ci: ## Run all checks of CI; needs Debian or Ubuntu
	.ci/run
