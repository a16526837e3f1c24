# build: bin/mailallow. run: the demonstration, into out/. See `make help`.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := build
.PHONY: help build run test test-all race cdb trixie browser cross portable soak fuzz bench bench-compare lint deb rpm dist parts clean

# What is random in a test is the same in each run, but in `make soak`: this for properties, fixtures.Random for the rest.
export RAPID_SEED ?= 1
# By default every program with it, the test itself and each mailallow that it starts, sleeps for a second at its end.
export GORACE := atexit_sleep_ms=0

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
BENCHSTAT_VERSION := v0.0.0-20260908200009-22c9c6c9d4da
BENCHSTAT := bin/benchstat-$(BENCHSTAT_VERSION)
NFPM_VERSION := v2.43.0
NFPM := bin/nfpm-$(NFPM_VERSION)

VERSION := $(shell sed -n 's/^var version = "\(.*\)"$$/\1/p' cmd/mailallow/version.go)
DIST := dist

help:
	@echo 'make build   bin/mailallow'
	@echo 'make run     build, then the demonstration; results in out/'
	@echo 'make test    go vet and the tests, against the real Sendmail, Postfix, rbldnsd, Exim and nft (as root; fetched by `make parts`); two minutes on two cores'
	@echo 'make test-all   the tests with what takes longer: life on booted hosts, second builds, the long runs of make soak, the race detector; under twenty minutes'
	@echo 'make race    the packages that start goroutines, with the race detector; four minutes'
	@echo 'make trixie  the tests of what mail servers read, with Debian 13'"'"'s Sendmail and Postfix, and the Ansible role with its ansible-core; three minutes'
	@echo 'make cross   go vet for all platforms but this one'
	@echo 'make portable   the tests with what systems other than Linux have in place of its system calls'
	@echo 'make soak    the long runs of the tests that take random or endless faults, with their figures, and the properties, with new seeds; a quarter of an hour'
	@echo 'make fuzz    fuzz every parser, five minutes each; FUZZTIME=30s and FUZZ=REGEXP narrow it'
	@echo 'make bench   all benchmarks, then the table of ratios to iprange, smtpctl, makemap, cidrexpand and grep; results in out/; ten minutes'
	@echo 'make bench-compare BASE=REV   the Go benchmarks here and at a revision, in turns, in the table of benchstat; BENCH=REGEXP chooses'
	@echo 'make lint    gofmt, go vet, staticcheck and govulncheck as far as they are here'
	@echo 'make deb     the Debian package, into dist; VERSION=1.2.3 names a release'
	@echo 'make rpm     the same for Fedora and Enterprise Linux'
	@echo 'make dist    archives with the program for every system, and their SHA256SUMS, into dist'
	@echo 'make parts   download Sendmail, Postfix, rbldnsd, Exim and nft and unpack them into .parts, installing none'
	@echo 'make clean   remove bin, dist, out and .parts'

# Without cgo, as the package builds it: it starts sooner, and looks host names up in the same way.
# The tags leave out what the flag library makes its own manual with, and HTTP/2, which no request here asks for;
# packaging/build.sh has them, too.
build: export CGO_ENABLED := 0
build:
	go build -tags urfave_cli_no_docs,nethttpomithttp2 -o bin/mailallow ./cmd/mailallow

run: build
	fixtures/parts/fetch.sh makemap
	fixtures/demo/run.sh bin/mailallow out

# Without cgo, as the package is built: the tests link and start sooner.
test trixie portable: export CGO_ENABLED := 0

# Where the programs cannot be fetched, the tests that need them are skipped; under CI=true that is a failure.
test:
	@fixtures/parts/fetch.sh all || { [ "$$CI" != true ] && echo 'make test: going on without them'; }
	@$(MAKE) -s $(NFPM) || { [ "$$CI" != true ] && echo 'make test: going on without nfpm'; }
	go vet ./...
	go test -parallel 4 -timeout 80m ./cmd/mailallow ./... # the package that takes longest is the first

# Every test runs to its end (fixtures.All, fixtures.Rounds). This names all packages, and not the tests that `make test` cuts
# short: no list of them can go stale, and go does not run a package again that has none of them.
test-all: export MAILALLOW_ALL := 1
test-all: PLATFORMS = freebsd/amd64 linux/386
test-all: cdb browser test race trixie cross portable

# The race detector finds what goroutines do to each other: it is for the packages that start some, in the code or in a test,
# with the rounds of `make test`. The long rounds hit a program from outside, which is built without it, and would take four
# times as long for no more. It wants cgo, and go turns cgo off by itself where there is no C compiler.
race: export MAILALLOW_ALL :=
race:
	@if [ "$$(go env CGO_ENABLED)" != 1 ]; then echo 'make race: without a C compiler there is no race detector'; else \
	  grep -rlE --include='*.go' '^\s*go (func\b|[A-Za-z.]+\()|\.Go\(' accessmap allowlist cmd | xargs -n 1 dirname | sort -u | \
	  sed 's|^|./|' | xargs -t go test -race -timeout 30m; fi

cdb:
	@fixtures/parts/fetch.sh cdb || { [ "$$CI" != true ] && echo 'going on without cdb maps'; }

# Large, and of one test alone: it looks at the page of `mailallow report`.
browser:
	@fixtures/parts/fetch.sh browser || { [ "$$CI" != true ] && echo 'make test-all: going on without Chromium'; }

# The same tests with other servers: docs/guarantees.md says what ran where. Maps of type cdb are no part of Debian's.
trixie: export MAILALLOW_PARTS := $(or $(MAILALLOW_PARTS),$(CURDIR)/.parts)
trixie:
	@fixtures/parts/fetch.sh trixie || { [ "$$CI" != true ] && echo 'make trixie: going on without Debian 13'; }
	[ ! -e $$MAILALLOW_PARTS/trixie/bin/ansible-playbook ] || { export MAILALLOW_PARTS=$$MAILALLOW_PARTS/trixie; \
	  MAILALLOW_ALL= go test -timeout 30m ./accessmap/... ./cmd/mailallow/internal/explain && \
	  MAILALLOW_ALL=1 go test -timeout 30m -run '^Test(Stories|Stock|Field)|^TestMapTypes/(hash|btree)$$' ./cmd/mailallow && \
	  PATH="$$MAILALLOW_PARTS/bin:$$PATH" MAILALLOW_ALL=1 go test -timeout 30m ./packaging/ansible; }

# Where the tests do not run: docs/guarantees.md says what other systems lack. All take ten minutes; make test-all vets one
# with another kernel and one with words of 32 bits.
PLATFORMS = freebsd/amd64 openbsd/amd64 netbsd/amd64 darwin/arm64 illumos/amd64 linux/arm64 linux/riscv64 linux/ppc64le linux/s390x linux/386

cross:
	@for platform in $(PLATFORMS); do \
	  echo "go vet for $$platform"; \
	  CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} go vet ./... || exit 1; \
	done

# The tests of what a system without these calls lacks are skipped by name; the pages and packages are Linux's. go does not run a
# package again that has none of these calls: the flags and the environment are those of `make test`.
portable: export GOFLAGS := -tags=portable
portable: export MAILALLOW_ALL :=
portable:
	go test -parallel 4 -timeout 30m ./accessmap/... ./allowlist/... ./cmd/...

# The long tests are named TestSoak...; fixtures.Rounds makes them long, fixtures.Random shows the seed of each, a new one
# unless MAILALLOW_SEED names it. Then come the packages with properties: one that fails names its seed, too.
soak: export MAILALLOW_SEED ?= new
soak: export RAPID_SEED := 0
soak:
	@fixtures/parts/fetch.sh all
	MAILALLOW_ALL=1 go test -count=1 -timeout 30m -v -run '^TestSoak' ./...
	RAPID_CHECKS=1000 go test -count=1 -timeout 30m $$(grep -rl --include='*_test.go' pgregory.net/rapid . | xargs -n 1 dirname | sort -u)

# The inputs that it finds are kept in .fuzz; one that fails, in testdata/fuzz beside its test.
fuzz:
	@fixtures/parts/fetch.sh makemap
	fixtures/fuzz.sh $(or $(FUZZTIME),5m) '$(or $(FUZZ),.)'

# A wrong answer fails, and so does memory past its bar; the table, which docs/benchmarks.md quotes, marks every other missed bar.
bench: cdb
	@fixtures/parts/fetch.sh bench
	go test -run '^$$' -bench . -benchtime 0.1s ./...
	@mkdir -p out
	MAILALLOW_BENCH=$(CURDIR)/out/bench.md go test -count=1 -timeout 30m -v -run '^TestBench' ./fixtures/bench; \
	  status=$$?; cat out/bench.md; exit $$status

bench-compare: $(BENCHSTAT)
	@[ -n '$(BASE)' ] || { echo 'make bench-compare: name a revision: BASE=main'; exit 2; }
	@fixtures/parts/fetch.sh makemap
	fixtures/bench/compare.sh $(CURDIR)/$(BENCHSTAT) '$(BASE)' '$(or $(BENCH),.)'

$(BENCHSTAT):
	GOBIN=$(CURDIR)/bin go install golang.org/x/perf/cmd/benchstat@$(BENCHSTAT_VERSION)
	mv bin/benchstat $@

lint:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'ed:" $$unformatted; exit 1; }
	go vet ./...
	@if $(call cached,$(STATICCHECK)); then bin/staticcheck ./...; else $(call skipped,$(STATICCHECK)); fi
	@# Status 3 means findings; with another one it most likely could not reach its database.
	@if $(call cached,$(GOVULNCHECK)); then \
		bin/govulncheck ./... || { [ $$? != 3 ] && echo 'govulncheck: skipped, it did not run (above)'; }; \
	else $(call skipped,$(GOVULNCHECK)); fi

# Tools are taken from the module cache and never downloaded here.
cached = GOPROXY=file://$(shell go env GOMODCACHE)/cache/download GOBIN=$(CURDIR)/bin go install $(1) 2>/dev/null
skipped = echo '$(1): skipped, not in the module cache; `go install` it for lint to use it'

deb: $(NFPM)
	packaging/build.sh deb $(CURDIR)/$(NFPM) $(VERSION) $(DIST)

rpm: $(NFPM)
	packaging/build.sh rpm $(CURDIR)/$(NFPM) $(VERSION) $(DIST)

# The systems of which docs/guarantees.md says what they lack, and Linux.
ARCHIVES = freebsd/amd64 openbsd/amd64 netbsd/amd64 darwin/amd64 darwin/arm64 illumos/amd64 \
	linux/amd64 linux/arm64 linux/riscv64 linux/ppc64le linux/s390x linux/386

dist:
	packaging/build.sh archives $(VERSION) $(DIST) $(ARCHIVES)

$(NFPM):
	GOBIN=$(CURDIR)/bin go install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
	mv bin/nfpm $@

parts:
	fixtures/parts/fetch.sh all

clean:
	rm -rf bin dist out .parts
