# Thin names for `python3 dev.py …`, which works without make too.
# make demo STAY=1 · make test ARGS="-k webhooks" · make run ARGS="--port 0"

PYTHON ?= python3
ARGS ?=

.PHONY: demo test setup check run bench chaos

demo:
	@$(PYTHON) dev.py demo $(if $(STAY),--stay) $(ARGS)

test setup check run bench chaos:
	@$(PYTHON) dev.py $@ $(ARGS)
