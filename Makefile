# What can be done with Millrace. CI calls nothing but these targets.

BINARY := $(or $(CARGO_TARGET_DIR),target)/debug/millrace
OPERATOR := $(or $(CARGO_TARGET_DIR),target)/debug/millrace-operator
CARGO_BUILD := cargo build --locked --package millrace
# All packages are selected even where one is meant: so cargo gives each dependency one set of features for all tests
# and builds it once.
CARGO_TEST := cargo test --locked --workspace --no-fail-fast
# The integration tests in the given folders: name.rs and name/main.rs.
tests_in = $(sort $(notdir $(basename $(wildcard $(addsuffix /*.rs,$(1)))) $(patsubst %/main.rs,%,$(wildcard $(addsuffix /*/main.rs,$(1))))))
# Among the black-box tests these need no servers, among the services' tests those do: they are behind a feature.
STATIC_TESTS := crate_graph compose
GATED_TESTS := redis real_servers
FAST_TESTS := $(STATIC_TESTS) $(filter-out $(GATED_TESTS),$(call tests_in,services/*/tests))
REAL_FEATURES := millrace-views/real-servers,millrace-dashboard/real-servers
# Those on a Kubernetes API server, and those on a cluster whose nodes run containers.
API_TESTS := $(filter chart kubernetes_api,$(call tests_in,tests/tests)) $(call tests_in,operator/tests)
NODE_TESTS := cluster
# Those on a Kafka that knows its users and their rights.
SECURED_TESTS := secured_kafka
REAL_TESTS := $(filter-out $(STATIC_TESTS) $(API_TESTS) $(NODE_TESTS) $(SECURED_TESTS),$(call tests_in,tests/tests services/views/tests services/dashboard/tests))
SCRIPTS := $(shell grep -slE '^\#!.*bash|shellcheck shell=bash' dev/* dev/kubernetes/* .ci/*)

# The dashboard's page: what it is built of (a folder changes when a file of it goes), and what tells that it is built.
UI := services/dashboard/ui
UI_PACKAGES := $(UI)/node_modules/.package-lock.json
UI_SOURCES := $(shell find $(UI)/src $(UI)/public $(UI)/tools) $(wildcard $(UI)/*.json $(UI)/*.ts) $(UI)/index.html
PAGE := $(UI)/dist/page/index.html

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: page-if-possible ## See it work: everything in one process, nothing to install, on http://localhost:3001
	@dev/prerequisites build
	@$(CARGO_BUILD)
	@$(BINARY) demo

up: page-if-possible ## Run it for real on this machine: a real Kafka, a real Redis, each service a process
	@dev/prerequisites build servers
	@$(CARGO_BUILD)
	@dev/up $(BINARY)

down: ## Stop what `make up` started
	@dev/down

ui: $(PAGE) ## Build the dashboard's page, which the next build of the program holds
	@:

$(UI_PACKAGES): $(UI)/package.json $(UI)/package-lock.json
	@dev/prerequisites page
	cd $(UI) && npm ci --no-audit --no-fund

$(PAGE): $(UI_PACKAGES) $(UI_SOURCES)
	@dev/prerequisites page
	cd $(UI) && npm run build

# Everything but the page works without Node.js, and the dashboard then says how to build it.
page-if-possible:
	@if dev/prerequisites page 2> /dev/null; then \
	  $(MAKE) --no-print-directory ui || echo "The page could not be built. All else works without it." >&2; \
	elif [ ! -e $(PAGE) ]; then echo "Node.js 20.19 or newer is not installed: the page will say how to build it." >&2; fi

test: ## Run every check and every test; servers are started and stopped as needed
	@dev/test

lint: ## Check formatting, lints and scripts
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --features $(REAL_FEATURES) -- --deny warnings
	@if command -v shellcheck > /dev/null; then set -x; shellcheck --external-sources $(SCRIPTS); \
	  else echo "shellcheck is not installed: scripts are not checked"; fi

generate: ## Write what is made from the code: the resource definition and the references
	cargo build --locked --package millrace-operator --package millrace
	$(OPERATOR) crd > deploy/helm/millrace/files/crd.yaml
	$(OPERATOR) reference > docs/reference/pipeline-resource.md
	{ $(BINARY) metrics && $(OPERATOR) metrics; } > docs/reference/metrics.md

test-fast: ## Run the tests that need no servers
	$(CARGO_TEST) --lib --bins $(addprefix --test ,$(FAST_TESTS))

test-real: ## Run the tests on a real Kafka and a real Redis
	$(CARGO_TEST) --features $(REAL_FEATURES) $(addprefix --test ,$(REAL_TESTS))

test-ui: ui ## Check the page: lints, types, logic, words, drift of generated types, size
	cd $(UI) && npm run lint && npm test

test-browser: ui ## Run the tests of the page in a browser, on the program, a real Kafka and a real Redis
	$(CARGO_BUILD)
	cargo build --locked --workspace --example send
	cd $(UI) && CHROMIUM=$$($(CURDIR)/dev/chromium install) npm run e2e

test-secured: ## Run the tests on a real Kafka with TLS, logins and rights
	$(CARGO_TEST) $(addprefix --test ,$(SECURED_TESTS))

test-api: ## Run the tests on a real Kubernetes API server
	@dev/kubernetes/build
	@dev/kubernetes/tools
	@dev/kubernetes/monitoring
	$(CARGO_TEST) --features millrace-operator/faults $(addprefix --test ,$(API_TESTS))

test-cluster: ## Run the tests on a real Kubernetes cluster, with images of static programs (as root)
	@dev/prerequisites build servers tests cluster-api cluster-node
	@dev/kubernetes/node install
	@dev/kubernetes/build
	@dev/kubernetes/tools
	$(CARGO_TEST) $(addprefix --test ,$(NODE_TESTS)) -- --nocapture

test-long: ## Run the fault test with 2 million orders and 50 kills (about half an hour)
	MILLRACE_LONG=1 $(CARGO_TEST) --test exact_under_faults -- --nocapture

bench: ## Measure throughput, CPU, memory and latency on real servers
	cargo run --locked --release --package millrace-bench

fmt: ## Format all Rust code
	cargo fmt --all

image: ## Build the container images millrace:dev and millrace-operator:dev
	docker build --file docker/Dockerfile --target millrace --tag millrace:dev .
	docker build --file docker/Dockerfile --target operator --tag millrace-operator:dev .

.DELETE_ON_ERROR:
.PHONY: help demo up down ui page-if-possible test lint generate test-fast test-real test-ui test-browser test-secured test-api test-cluster test-long bench fmt image
