# Aliases of `python3 dev.py COMMAND`, which works without make too.
# Examples: make demo STAY=1 · make test ARGS="-k webhooks" · make run ARGS="--port 0"

PYTHON ?= python3
ARGS ?=

.PHONY: help setup demo run test coverage check docs bench chaos

help:
	@$(PYTHON) dev.py help

demo:
	@$(PYTHON) dev.py demo $(if $(STAY),--stay) $(ARGS)

setup run test coverage check docs bench chaos:
	@$(PYTHON) dev.py $@ $(ARGS)
