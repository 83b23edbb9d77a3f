#!/bin/bash
# Searches all interleavings of the models in tests/models with spin, and shows that the search would find a fault: a model with one
# of its precautions taken away must fail.
set -euo pipefail
cd "$(dirname "$0")/../models"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

search() { # file: prints pan's line about errors
    (cd "$work" && spin -a "$1" >/dev/null && cc -O2 -w -o pan pan.c && ./pan -m200000 | grep -o 'errors: [0-9]*')
}

cp hold.pml "$work/sound.pml"
sed 's/try_take(me, got); \/\* \* the parker/got = false; \/* * the parker/' hold.pml >"$work/parker.pml"
sed 's/:: wake\[me\] -> skip \/\* \* the sleeper/:: false -> skip \/* * the sleeper/' hold.pml >"$work/sleeper.pml"

sed 's/:: got \&\& !stood -> parked/:: got -> parked/' hold.pml >"$work/bit.pml"

found=$(search sound.pml)
echo "hold.pml: $found"
[ "$found" = "errors: 0" ]
for fault in parker sleeper bit; do
    if cmp -s "$work/$fault.pml" hold.pml; then
        echo "hold.pml without the $fault's precaution: the model has changed, this script has not" >&2
        exit 1
    fi
    found=$(search "$fault.pml")
    echo "hold.pml without the $fault's precaution: $found"
    [ "$found" != "errors: 0" ]
done
