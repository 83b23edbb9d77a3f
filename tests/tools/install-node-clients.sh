#!/bin/bash
# Installs the Node clients that the end-to-end tests use, at the versions of the committed lock file. Does nothing when they
# are there already, so that repeated runs need no network.
set -euo pipefail
cd "$(dirname "$0")/../e2e/node"
if [ ! -e node_modules/.installed ] || [ package-lock.json -nt node_modules/.installed ]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    touch node_modules/.installed
fi
