# `make demo` and `make test` install what they need, ROS 2 included, from PyPI into an
# environment in this folder: .venv to run the product, .venv-full to test and train it.
PYTHON ?= python3
ARGS ?=

# A ROS 2 that is sourced in this shell stays out: the environments hold one of their own.
unexport PYTHONPATH LD_LIBRARY_PATH AMENT_PREFIX_PATH COLCON_PREFIX_PATH RMW_IMPLEMENTATION
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE

.PHONY: help demo test train-env clean

help:  ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

demo: .venv/ready  ## Segment the recorded drive with the node (ARGS=--help for its options)
	.venv/bin/python -m unet_perception.demo $(ARGS)

test: .venv-full/ready  ## Run the tests (ARGS='-k build -x' for a part of them)
	.venv-full/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

train-env: .venv-full/ready  ## Make .venv-full, for .venv-full/bin/python -m train.fit

clean:  ## Remove the environments, builds and caches; models/ and runs/ stay
	rm -rf .venv .venv-full build install log demo_output .pytest_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/ready: EXTRAS = ros
.venv-full/ready: EXTRAS = ros,train,test

.venv/ready .venv-full/ready: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "ROS 2 is on PyPI for Python 3.10 to 3.13, but $(PYTHON) is" \
	        "$$($(PYTHON) --version 2>&1); name another, as in: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make an environment with pip; on Debian and Ubuntu, mend it with:" \
	        "apt install $(notdir $(PYTHON))-venv"; exit 1; }
	@echo "Installing into $(@D), once; this takes a few minutes"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check \
	    -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@
