#!/usr/bin/python3
"""Checks the direction of #include lines, so that lower parts never come to know the ones above them.

    server -> repl -> persist -> shard        and inside shard:  type -> store -> rt -> base
    bench -> shard/rt -> shard/base

A file may include what stands on its own step or to the right of it. Further: liburing is included by
shard/rt/ring*.c alone, the allocator by shard/base/mem.c alone, project headers are named from the root of the
repository, and every header guards itself. Prints one line a finding; exit status 1 when there is any.
"""
import pathlib
import re
import sys

ORDER = ["shard/base", "shard/rt", "shard/store", "shard/type", "persist", "repl", "server"]
# Stands beside the rest: the load generator uses the two lowest steps and itself.
BESIDE = "bench"
BESIDE_USES = ("shard/base", "shard/rt")
# A header that only some files may include: pattern of the header, pattern of the file.
RESERVED = [
    (re.compile(r"<liburing"), re.compile(r"^shard/rt/ring[a-z_]*\.c$")),
    (re.compile(r"<mimalloc"), re.compile(r"^shard/base/mem[a-z_]*\.c$")),
]
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def step(path):
    """The step a file stands on, or None when it lies outside the ordered folders (tests)."""
    if path.startswith(BESIDE + "/"):
        return len(ORDER)
    for number, folder in enumerate(ORDER):
        if path.startswith(folder + "/"):
            return number
    return None


def findings(root, path):
    name = path.relative_to(root).as_posix()
    own = step(name)
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, what = match.groups()
        for header, allowed in RESERVED:
            if header.match(kind + what) and own is not None and not allowed.match(name):
                yield f"{name}:{number}: <{what}> is for {allowed.pattern} only"
        if kind == "<" or own is None:
            continue
        target = step(what)
        if own == len(ORDER) and not what.startswith(tuple(f + "/" for f in (BESIDE, *BESIDE_USES))):
            yield f"{name}:{number}: {BESIDE} must not include {what}"
        elif target is None:
            yield f'{name}:{number}: "{what}" is not named from the root of the repository'
        elif target > own:
            yield f"{name}:{number}: {name.split('/')[0]} must not include {what}"
        elif not (root / what).exists():
            yield f"{name}:{number}: {what} does not exist"
    if name.endswith(".h") and own is not None and not re.search(r"#ifndef GYRE_\w+_H\n#define GYRE_\w+_H", text):
        yield f"{name}: has no include guard GYRE_..._H"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    files = [p for folder in ("shard", "persist", "repl", "server", "bench") for p in sorted((root / folder).rglob("*.[ch]"))]
    found = [text for path in files for text in findings(root, path)]
    print("\n".join(found) if found else f"includes: {len(files)} files keep the direction")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
