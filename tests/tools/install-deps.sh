#!/bin/bash
# Installs what building (run), testing (test) and checking (lint) need, on Debian and Ubuntu; elsewhere it names
# what is missing and stops. When nothing is missing it asks nobody and changes nothing, so it can run before every
# build, offline.
#
#   install-deps.sh run            compiler and libraries of the server
#   install-deps.sh run test lint  several groups at once
set -euo pipefail

# One dependency a line: group, Debian package, and how to see that it is there (a command, or a header for which
# no command exists). Looking for the thing rather than for the package accepts other sources of it.
dependencies() {
    cat <<'LIST'
run   gcc               command gcc
run   make              command make
run   binutils          command ar
run   libc6-dev         header stdio.h
run   liburing-dev      header liburing.h
run   libmimalloc-dev   package libmimalloc-dev
run   libxxhash-dev     header xxhash.h
run   liblzf-dev        package liblzf-dev
test  python3           file /usr/bin/python3
test  python3-redis     package python3-redis
test  redis-tools       command redis-check-rdb
test  libcriterion-dev  header criterion/criterion.h
test  nodejs            command node
test  npm               command npm
test  clang             command clang
test  libclang-rt-dev   fuzzer -
model spin              command spin
lint  clang-format      command clang-format
lint  clang-tidy        command clang-tidy
lint  universal-ctags   command ctags
lint  pyflakes3         command pyflakes3
lint  git               command git
LIST
}

is_there() { # how, what
    case "$1" in
    command) command -v "$2" >/dev/null ;;
    file) test -e "$2" ;;
    header) test -e "/usr/include/$2" || test -e "/usr/include/$(uname -m)-linux-gnu/$2" || test -e "/usr/local/include/$2" ;;
    package) test "$(dpkg-query -W -f='${db:Status-Status}' "$2" 2>/dev/null)" = installed ;;
    fuzzer) compgen -G "/usr/lib/*/clang/*/lib/linux/libclang_rt.fuzzer-$(uname -m).a" >/dev/null ||
        compgen -G "/usr/lib/clang/*/lib/linux/libclang_rt.fuzzer-$(uname -m).a" >/dev/null ||
        test -e "$(clang -print-file-name=libclang_rt.fuzzer-"$(uname -m)".a 2>/dev/null)" ;;
    esac
}

missing=()
while read -r group package how what; do
    for wanted in "$@"; do
        if [ "$group" = "$wanted" ] && ! is_there "$how" "$what"; then missing+=("$package"); fi
    done
done < <(dependencies)
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
    echo "These are missing and cannot be installed from here (no apt-get). Install what your distribution calls:" >&2
    printf '    %s\n' "${missing[@]}" >&2
    exit 1
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing: ${missing[*]}. As root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing: ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
