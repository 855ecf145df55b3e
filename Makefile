# Targets are the same for people and for CI. `make` alone lists them.
GO        ?= go
LINT      := bin/golangci-lint
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
# How long `make fuzz` tries each target: a number of inputs, or a time such as 1h (whose end Go 1.26 now and then reports as a failure:
# golang/go#75804).
FUZZTIME  ?= 10000x
# Apache Kafka's jars, for the tests that run it: fetched unless KAFKA_LIBS names a folder.
JARS      := bin/kafka/complete
WITHJARS  := KAFKA_LIBS=$(or $(KAFKA_LIBS),$(CURDIR)/$(dir $(JARS)))

.PHONY: help build test race lint fmt generate man cross fuzz exchange compat crash hostile soak bench-micro clients clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

build: ## bin/moldau, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/moldau ./cmd/moldau

test: ## the tests; needs only Go
	$(GO) vet ./...
	$(GO) test ./...

race: ## the tests under the race detector (needs a C compiler on some systems)
	$(GO) test -race ./...

$(LINT): tools/go.mod
	cd tools && $(GO) build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

lint: $(LINT) ## the linters
	$(LINT) run ./...

fmt: $(LINT) ## format the code
	$(LINT) fmt ./...

generate: ## write what is generated: schemas, pages of docs/compat
	$(GO) generate ./...

man: ## manual pages and shell completions, into bin/share
	$(GO) run ./internal/cli/manual bin/share

cross: ## compile for every platform
	@for p in $(PLATFORMS); do \
	  echo "build $$p"; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -o /dev/null ./cmd/moldau || exit 1; \
	  CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet ./... || exit 1; done

fuzz: ## every fuzz target for FUZZTIME
	@for t in $$(grep -roE '^func Fuzz[A-Za-z0-9]+' --include='*_test.go' broker internal | sed 's/:func /:/'); do \
	  echo "fuzz $$t for $(FUZZTIME)"; \
	  $(GO) test -run '^$$' -fuzz "^$${t#*:}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s "./$$(dirname $$t)" || exit 1; done

$(JARS): test/apachekafka/pom.xml test/apachekafka/tools/pom.xml
	rm -rf $(dir $(JARS))
	mvn -q -B -f test/apachekafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(dir $(JARS))
	mvn -q -B -f test/apachekafka/tools/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(dir $(JARS))tools
	@touch $(JARS)

exchange: $(if $(KAFKA_LIBS),,$(JARS)) ## data folders between Apache Kafka and Moldau (needs Java 17 and Maven)
	$(WITHJARS) $(GO) test -count 1 -timeout 20m ./test/exchange

compat: $(if $(KAFKA_LIBS),,$(JARS)) ## answers compared with Apache Kafka's, into docs/compat/answers.md (needs the same)
	$(WITHJARS) $(GO) test -count 1 -timeout 20m ./test/compat -answers $(CURDIR)/docs/compat/answers.md

# BENCH names groups of rows (all unless given) and flags of the runner, ROUNDS how often each is measured.
bench: build $(if $(KAFKA_LIBS),,$(JARS)) ## Moldau beside Apache Kafka, into docs/performance.md (Linux; the same; half an hour)
	$(WITHJARS) $(GO) run ./bench $(if $(ROUNDS),-rounds $(ROUNDS)) $(BENCH)

crash: build $(if $(KAFKA_LIBS),,$(JARS)) ## ROUNDS kills and power failures under load, into docs/reliability/crash.md (needs the same)
	$(WITHJARS) $(GO) test -count 1 -timeout 2h ./test/crash -binary $(CURDIR)/bin/moldau -rounds $(or $(ROUNDS),50) -report $(CURDIR)/docs/reliability/crash.md

hostile: build ## hostile clients for DURATION, into docs/reliability/hostile.md
	$(GO) test -count 1 -timeout 2h ./test/hostile -binary $(CURDIR)/bin/moldau -duration $(or $(DURATION),5m) -report $(CURDIR)/docs/reliability/hostile.md

soak: build ## mixed load for DURATION, into docs/reliability/soak.md
	$(GO) test -count 1 -timeout 0 ./test/soak -binary $(CURDIR)/bin/moldau -duration $(or $(DURATION),1h) -report $(CURDIR)/docs/reliability

bench-micro: ## the benchmarks beside the code
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Both run whatever fails, and the page is written in any case. KAFKA_LIBS on make's command line is in everybody's environment.
clients: build $(if $(KAFKA_LIBS),,$(JARS)) ## real clients of Kafka, into docs/compat/clients.md: fetches those it can (mvn, pip, npm, go)
	test/clients/run install
	KAFKA_LIBS= test/clients/run >bin/clients/moldau; status=$$?; cat bin/clients/moldau; \
	$(WITHJARS) test/clients/run >bin/clients/kafka; \
	test/clients/run report bin/clients/moldau bin/clients/kafka >docs/compat/clients.md; exit $$status

clean: ## remove what was built
	rm -rf bin
