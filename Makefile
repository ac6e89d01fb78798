# Everything a person or CI does with this project. `make` alone lists it.
# Each command makes .venv first where it is missing; none asks a question.

PY := .venv/bin/python
CLI := $(PY) -m include.cli

# An option is a make variable: `make build FULL=1`. Empty: not given. A value may be what a stranger chose (ID=…), so
# it is text and nothing else: it reaches a command through the environment, where no shell reads it as its language,
# and make does not expand it either, as it would even to export it ($(shell …) in a value would run).
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name)))$(eval export $(name)))
MAKEOVERRIDES :=
# Of one from the environment make keeps a copy that it would expand here, and hands on what came.
option = $(if $(value $(1)),"--$(2)=$$$(1)")
MEANS_YES := 1 yes true on Yes True On YES TRUE ON
MEANS_NO := 0 no false off No False Off NO FALSE OFF
# Any other word is refused: FULL=flase would send everything again.
flag = $(if $(value $(1)),$(if $(and $(filter 1,$(words $(value $(1)))),$(filter $(MEANS_YES) $(MEANS_NO),$(value $(1)))),\
	$(if $(filter $(MEANS_YES),$(value $(1))),--$(2)),$(error make $@: $(1) is 1 or 0, and nothing else)))
# A name that a command does not take does nothing at all: MODEL= for MODELS= would push every model. Commands of
# include.cli look themselves (include/cli/given.py); the others name what they take.
export MAKE_GIVEN := $(GIVEN)
only = $(if $(filter-out $(1) PYTHON,$(GIVEN)),$(error make $@ takes no $(filter-out $(1) PYTHON,$(GIVEN)); it takes $(or $(1),nothing)))

# Tests see none of a developer's settings, so that they touch neither a running demo nor anybody's
# warehouse. Ours count as not set when empty and win over .env; Airflow takes an empty one at its word.
SETTINGS := $(filter-out DBT_THREADS,$(shell sed -n 's/^\# \([A-Z_0-9]*\)=.*/\1/p' .env.example))
NO_SETTINGS := $(addprefix -u ,$(filter AIRFLOW__%,$(SETTINGS))) $(addsuffix =,$(filter-out AIRFLOW__%,$(SETTINGS)))

.DEFAULT_GOAL := help
.PHONY: help setup demo test up down status build try verify plan push answer cancel why forget bench report url psql planhat compare columns source block exclude alias suppress retention field-rules links switch analyticsjs load warehouse replay \
	lint format docs dbt profile requirements version audit clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {gsub(/\$$\$$/, "$$", $$2); printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment. A .venv whose Python is gone counts as missing.
.venv/ready: requirements.txt include/bootstrap.py $(if $(wildcard $(PY)),,missing-python)
	@for python in "$$PYTHON" python3 python3.13 python3.12 python3.11; do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
		then exec "$$python" include/bootstrap.py; fi; done; \
	echo "Python 3.11, 3.12 or 3.13 is needed and none was found: apt-get install python3 python3-venv, or make PYTHON=/path/to/python3.12" >&2; exit 1

.PHONY: missing-python
missing-python:

setup: .venv/ready ## Make .venv with everything in requirements.txt; every command does it when needed

demo: .venv/ready ## A sample customer base, real Segment calls, a build, a push through Airflow, and the table
	@$(CLI) demo

test: .venv/ready ## Everything that proves it (FAST=1 what starts nothing, PART=collector, LONG=1 more worlds and kills, ARGS="-k bootstrap")
	@$(call only,FAST PART LONG ARGS PYTEST_ADDOPTS)env -u ARGS -u FAST -u PART -u MAKE_GIVEN $(NO_SETTINGS) \
		PYTHONDONTWRITEBYTECODE= LONG=$(if $(call flag,LONG,long),1) \
		PYTEST_ADDOPTS="-n 2 --dist loadfile --durations=20 $(call flag,FAST,fast) $(if $(value PART),--part=$$PART) $$PYTEST_ADDOPTS $$ARGS" $(PY) -m pytest

up: .venv/ready ## Start what is not running: Postgres, collector, Airflow
	@$(CLI) up

down: .venv/ready ## Stop all of it, leaving no process
	@$(CLI) down

status: .venv/ready ## What runs, since when, and where
	@$(CLI) status

build: .venv/ready ## One dbt build (FULL=1 from scratch, AS_OF=2025-06-30, ACCEPT=1 follow new rules that wait)
	@$(CLI) build $(call flag,FULL,full) $(call option,AS_OF,as-of) $(call flag,ACCEPT,accept)

try: .venv/ready ## An edited model or a setting beside the truth: what would be pushed, whose events, which numbers and rows (MODEL=, SINCE=main, SETTING="sync.blocked_identities + kiosk@x", REPORT=file, JSON=file, PERSONAL=1, CLEAN=1)
	@$(CLI) try $(call option,MODEL,model) $(call option,SINCE,since) $(call option,SETTING,setting) \
		$(call option,REPORT,report) $(call option,JSON,json) $(call flag,PERSONAL,personal) $(call flag,CLEAN,clean)

verify: .venv/ready ## One model made whole beside the truth, and compared (MODEL=usage_trends)
	@$(CLI) verify $(call option,MODEL,model)

plan: .venv/ready ## What would be pushed, nothing is sent (TO=planhat, MODELS="company enduser", LIMIT=, FULL=1, PLAN=file to write it all)
	@$(CLI) plan $(call option,TO,to) $(call option,MODELS,models) $(call option,LIMIT,limit) $(call option,PLAN,plan) \
		$(call option,RETIRE,retire) $(call flag,FULL,full)

push: .venv/ready ## Push what planhat.* holds, without Airflow (TO=planhat what to_planhat.* holds, MODELS=, LIMIT=, FULL=1 resync, BUILD=1, PLAN=file, RETIRE=model)
	@$(CLI) push $(call option,TO,to) $(call option,MODELS,models) $(call option,LIMIT,limit) $(call option,PLAN,plan) \
		$(call option,RETIRE,retire) $(call flag,FULL,full) $(call flag,BUILD,build)

answer: .venv/ready ## Held plans and unknown outcomes; answer for one, used by the next push (TO=planhat, MODEL=company ANSWER=all|safe|none, or arrived|again)
	@$(CLI) answer $(call option,TO,to) $(call option,MODEL,model) $(call option,ANSWER,answer) $(call option,FINGERPRINT,fingerprint)

cancel: .venv/ready ## Stop the active push within seconds (TO=planhat, RESYNC=1: take back a full resync that was stopped)
	@$(CLI) cancel $(call option,TO,to) $(call flag,RESYNC,resync)

why: .venv/ready ## The story of a message id, user id, e-mail or company id, from its call to Segment's answer (ID=…, EXPORT=file everything of one person)
	@$(CLI) why $(call option,ID,id) $(call option,EXPORT,export)

forget: .venv/ready ## Forget a person everywhere, with a receipt: the plan, a question, the deed (ID=, FILE=ids, YES=1 without asking, REASON=, SUPPRESS=1 to store nothing more of them, WAITING=1 whoever delete calls ask for, SEGMENT=1 and PLANHAT=1 there too, STATUS=1 how far those are, AGAIN=1 after a restore, RECEIPTS=file)
	@$(CLI) forget $(call option,ID,id) $(call option,FILE,file) $(call flag,YES,yes) $(call option,REASON,reason) \
		$(call flag,SUPPRESS,suppress) $(call flag,WAITING,waiting) $(call flag,SEGMENT,segment) \
		$(call flag,PLANHAT,planhat) $(call flag,STATUS,status) $(call flag,AGAIN,again) $(call option,RECEIPTS,receipts)

bench: .venv/ready ## The performance table, each figure beside its ceiling (PARTS="push build", SIZE=full for hours)
	@$(CLI) bench $(call option,SIZE,size) $(call option,PARTS,parts)

report: .venv/ready ## Pushes side by side, and what stays unresolved week by week (RUNS=, FOLDER= for CSV)
	@$(CLI) report $(call option,RUNS,runs) $(call option,FOLDER,folder)

url: .venv/ready ## The warehouse's connection string: psql "$$(make -s url)"
	@$(CLI) url

psql: .venv/ready ## A shell in the warehouse
	@$(CLI) psql

planhat: .venv/ready ## Read Planhat: its API if AIRFLOW_CONN_PLANHAT is set, else exports (DIR=…, DELETED="company …" what is missing is gone, DECIMAL=comma, CHECK=1 what the tenant is like)
	@$(CLI) planhat $(call option,DIR,dir) $(call option,DELETED,deleted) $(call option,DECIMAL,decimal) $(call flag,CHECK,check)

compare: .venv/ready ## What Planhat has beside ours, nothing is sent (SINCE=2026-11-01 UNTIL=2026-11-14, WHAT="endusers metrics activity", EXAMPLES=3, JSON=1)
	@$(CLI) compare $(call option,SINCE,since) $(call option,UNTIL,until) $(call option,WHAT,what) \
		$(call option,EXAMPLES,examples) $(call flag,JSON,json)

columns: .venv/ready ## The types of columns in CSV exports; another for one (MODEL=company FIELD="Seats" TYPE=text)
	@$(CLI) columns $(call option,MODEL,model) $(call option,FIELD,field) $(call option,TYPE,type)

load: .venv/ready ## Land files of Segment calls: JSON lines, lists or batches, .gz or not (FILES="a.jsonl b.jsonl.gz", SOURCE=)
	@$(CLI) load $(call option,FILES,files) $(call option,SOURCE,source)

warehouse: .venv/ready ## Land what is new in the tables that Segment itself loads (FULL=1 all of it, SCHEMA=, SOURCE=)
	@$(CLI) warehouse $(call flag,FULL,full) $(call option,SCHEMA,schema) $(call option,SOURCE,source)

source: .venv/ready ## The sources that may send; NAME= makes one and shows its key once (KIND=planhat, ROTATE=1, OFF=1, ON=1, SECRET=new|none, RATE=100|none)
	@$(CLI) source $(call option,NAME,name) $(call option,KIND,kind) $(call flag,ROTATE,rotate) \
		$(call flag,OFF,off) $(call flag,ON,on) $(call option,SECRET,secret) $(call option,RATE,rate)

block: .venv/ready ## What identifies nobody; VALUE=, PATTERN="test-*" or DOMAIN= blocks it (KEY=user_id: of that key alone; REMOVE=1)
	@$(CLI) block $(call option,VALUE,value) $(call option,PATTERN,pattern) $(call option,DOMAIN,domain) \
		$(call option,KEY,key) $(call flag,REMOVE,remove)

exclude: .venv/ready ## One's own staff; EMAIL= or DOMAIN= lets their calls count for nobody (REMOVE=1)
	@$(CLI) exclude $(call option,EMAIL,email) $(call option,DOMAIN,domain) $(call flag,REMOVE,remove)

alias: .venv/ready ## Further keys of companies, after a merge; ALIAS=acme-old COMPANY=acme sets one (REMOVE=1)
	@$(CLI) alias $(call option,ALIAS,alias) $(call option,COMPANY,company) $(call flag,REMOVE,remove)

suppress: .venv/ready ## Whose calls are answered and never stored; ID= or FILE= with one a line, REASON= (OFF=1 no more, SINCE=2026-03-01 from that day on; KIND=email)
	@$(CLI) suppress $(call option,ID,id) $(call option,FILE,file) $(call option,REASON,reason) $(call option,KIND,kind) \
		$(call flag,OFF,off) $(call option,SINCE,since)

retention: .venv/ready ## For how many months calls are kept as they came, and numbers of them for good (PAYLOADS=13, CALLS=25, SOURCE=, TYPE=track, REMOVE=1; COUNT=1 what is due, NOW=1 do it)
	@$(CLI) retention $(call option,PAYLOADS,payloads) $(call option,CALLS,calls) $(call option,SOURCE,source) \
		$(call option,TYPE,type) $(call flag,REMOVE,remove) $(call flag,COUNT,count) $(call flag,NOW,now)

field-rules: .venv/ready ## What is left out of calls before they are stored; FIELD=traits.phone ACTION=drop, hash, truncate (LENGTH=) or allow (ALLOW="a b"), FIELD=ip, user_agent, card_numbers, secrets (SOURCE=, TYPE=, TRY=1 only says what it would have changed, LIFT=number ends one)
	@$(CLI) field-rules $(call option,FIELD,field) $(call option,ACTION,action) $(call option,LENGTH,length) $(call option,ALLOW,allow) \
		$(call option,SOURCE,source) $(call option,TYPE,type) $(call option,LIFT,lift) $(call flag,TRY,try)

links: .venv/ready ## How long a sign-in says whose a device is (DAYS=30, DAYS=never)
	@$(CLI) links $(call option,DAYS,days)

switch: .venv/ready ## Sections 1 and 2, auto-create, models to Segment …; NAME=user_tracking ON=1 or OFF=1 (SINCE=2026-03-01: a section, from that day on)
	@$(CLI) switch $(call option,NAME,name) $(call flag,ON,on) $(call flag,OFF,off) $(call option,SINCE,since)

analyticsjs: .venv/ready ## Fetch Segment's library for browsers with npm, for the collector to give to pages (setup does, where npm is)
	@$(PY) -m include.analytics_js

replay: .venv/ready ## Quarantined events again, after a fix (REASON=, SINCE=2025-06-30)
	@$(CLI) replay $(call option,REASON,reason) $(call option,SINCE,since)

lint: .venv/ready ## ruff, sqlfluff, mypy
	@$(only)$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy && $(PY) .ci/lint_sql.py lint --disable-progress-bar --processes 2 dbt_project

format: .venv/ready ## Let ruff put the Python files in order
	@$(only)$(PY) -m ruff check --fix . && $(PY) -m ruff format .

docs: .venv/ready ## Pages of what is in the warehouse: every column described, and which column comes of which
	@$(CLI) docs

dbt: .venv/ready ## Any dbt command against the warehouse (ARGS="show --select companies")
	@$(CLI) dbt $(call option,ARGS,arguments)

profile: .venv/ready ## Write dbt_project/profiles.yml: dbt by hand and an IDE's extension find the warehouse
	@$(CLI) profile

requirements: .venv/ready ## Compile requirements.in for Python 3.11, 3.12 and 3.13 (UPGRADE=1 to newest)
	@$(call only,UPGRADE).venv/bin/uv pip compile --universal --python-version 3.11 --no-header --no-emit-index-url \
		--quiet --override requirements.overrides.txt $(call flag,UPGRADE,upgrade) --output-file requirements.txt requirements.in

version: .venv/ready ## The version of this copy
	@$(CLI) version

audit: .venv/ready ## Known vulnerabilities of every dependency; what is installed as CycloneDX (SBOM=sbom.json)
	@$(CLI) audit $(call option,SBOM,sbom)

clean: .venv/ready ## Stop, and delete all that a running copy keeps: the embedded warehouse too
	@$(CLI) clean
