# Each target is one script in deploy/ or bench/; PG_MAJOR=14|15|16|17|18 picks PostgreSQL's major version.
export PG_MAJOR

.PHONY: help run stop check test bench clean

help:
	@echo 'make run     build, private PostgreSQL, extension, demo, server on 127.0.0.1:8080'
	@echo 'make stop    stop the server and the private clusters; data stay'
	@echo 'make check   format, lints and tests that need no PostgreSQL (seconds)'
	@echo 'make test    everything CI runs: check, the extension on all majors, SQL and HTTP tests'
	@echo 'make bench   requests per second and CPU per request beside the hand-written SQL'
	@echo 'make clean   stop, and remove .fluxbase with all data in it (cargo clean removes the build)'

run:
	@deploy/run

stop:
	@deploy/stop

check:
	@deploy/check

test:
	@deploy/test

bench:
	@bench/run

clean:
	@deploy/stop --remove
