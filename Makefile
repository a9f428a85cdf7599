# The two commands: `make up` stands up the lab and verifies it, `make test` proves all of it.
# Each does the whole set-up itself.
.PHONY: setup forecasts proofs up down lint unit molecule e2e test audit drill drill-roles docs
.DEFAULT_GOAL := help

CLUSTER ?= inventories/lab
DRILLS ?= 1_up 2_faults 4_nginx 6_firewall databases databases_mysql delayed standby backup backup_mysql backup_mysql_replication backup_replication backup_s3 logs monitoring alerts repositories
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:
	@echo "make up      the lab cluster, set up, running and verified"
	@echo "make test    lint, types, unit and golden tests, molecule, end to end"
	@echo "make audit   auditors we did not write, planted secrets, what security costs"
	@echo "make drill   what takes hours: every fault there is, in databases under writers, backups, logs, alerts"
	@echo "make drill-roles  the roles of databases, with every fault"
	@echo "make down    take the lab away"
	@echo "also: setup lint unit molecule e2e docs"

setup:
	@scripts/setup

forecasts: # which most do without
	@scripts/setup forecast

proofs: # and the browser a test opens the page in
	@scripts/setup forecast browser

up: setup
	@$(BIN)/cluster up $(CLUSTER)

down: setup
	@$(BIN)/cluster down $(CLUSTER) --yes

lint: setup
	@scripts/lint

unit: forecasts
	@$(BIN)/pytest -q tests/unit tests/golden

molecule: setup
	@scripts/molecule

e2e: proofs
	@scripts/e2e

test: proofs
	@scripts/test

drill: proofs
	@CLUSTER_DRILL=1 $(BIN)/pytest -v -s $(DRILLS:%=tests/e2e/test_%.py)

drill-roles: setup # those of which `make test` leaves half of the faults out
	@CLUSTER_DRILL=1 scripts/molecule replication replication-mysql group_replication

audit: setup
	@scripts/audit

docs: setup
	@$(BIN)/python -m cluster_cli.reference
