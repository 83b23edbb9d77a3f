#!/bin/bash
# Runs every fuzzer of build/fuzz/tests for so many seconds each, beginning with the committed corpus.
#
#   fuzz.sh SECONDS [TALLY]     TALLY: a file to which "passed failed" is added
#
# What is new goes to build/fuzz/corpus/NAME, what breaks to build/fuzz/findings: run the fuzzer on such a file to see it
# again. `fuzz.sh merge` adds to the committed corpus what the last runs found, as little as covers the same.
set -uo pipefail
cd "$(dirname "$0")/../.."
export ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1" UBSAN_OPTIONS="print_stacktrace=1"
export LSAN_OPTIONS="suppressions=$PWD/tests/tools/lsan.supp"
passed=0
failed=0
mkdir -p build/fuzz/findings

for fuzzer in build/fuzz/tests/fuzz_*; do
    case "$fuzzer" in *.d) continue ;; esac
    name=${fuzzer##*/fuzz_}
    fresh=build/fuzz/corpus/$name
    seeds=tests/fuzz/corpus/$name
    mkdir -p "$fresh" "$seeds"
    if [ "${1:-60}" = merge ]; then
        "$fuzzer" -merge=1 -max_len=4096 "$seeds" "$fresh" 2>&1 | tail -1
        continue
    fi
    dictionary=()
    if [ -e "tests/fuzz/$name.dict" ]; then dictionary=("-dict=tests/fuzz/$name.dict"); fi
    log=build/fuzz/$name.log
    if "$fuzzer" -max_total_time="${1:-60}" -timeout=30 -rss_limit_mb=4096 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/findings/$name-" "${dictionary[@]}" "$fresh" "$seeds" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "fuzz $name: $(awk '/number_of_executed_units/ {print $2}' "$log") inputs, nothing found"
    else
        failed=$((failed + 1))
        echo "fuzz $name: FAILED (see $log)"
        tail -60 "$log"
    fi
done
if [ $((passed + failed)) = 0 ] && [ "${1:-60}" != merge ]; then
    echo "fuzz: there is nothing to run; make VARIANT=fuzz fuzz-build first"
    failed=1
fi
if [ -n "${2:-}" ]; then echo "$passed $failed" >>"$2"; fi
exit $((failed > 0))
