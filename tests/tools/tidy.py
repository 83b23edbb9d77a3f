#!/usr/bin/python3
"""Reports what is above the sizes that this project aims at: files of 600 lines, functions of 70, lines of 110
columns, functions of 5 parameters. Longest first. It reports and does not fail: each of these
deserves a reason beside it or a split by subject.
"""
import json
import pathlib
import subprocess
import sys

FILE_LINES, FUNCTION_LINES, COLUMNS, PARAMETERS = 600, 70, 110, 5
FOLDERS = ("shard", "persist", "repl", "server", "bench", "tests")


def functions(files):
    """(lines, parameters, name, file, first line) of every C function, by universal-ctags."""
    command = ["ctags", "--output-format=json", "--fields=+neS", "--c-kinds=f", "-L", "-", "-f", "-"]
    answer = subprocess.run(command, input="\n".join(map(str, files)), text=True, capture_output=True, check=True)
    for line in answer.stdout.splitlines():
        tag = json.loads(line)
        if "end" not in tag:
            continue
        signature = tag.get("signature", "()").strip("()")
        parameters = 0 if signature in ("", "void") else signature.count(",") + 1
        yield tag["end"] - tag["line"] + 1, parameters, tag["name"], tag["path"], tag["line"]


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    sources = [p for f in FOLDERS for p in sorted((root / f).rglob("*.[ch]")) if "node_modules" not in p.parts]
    scripts = [p for p in sorted((root / "tests").rglob("*.py"))]
    report, wide = [], []
    for path in sources + scripts:
        name = path.relative_to(root)
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > FILE_LINES:
            report.append((len(lines), f"{name}: {len(lines)} lines (aim: {FILE_LINES})"))
        for number, line in enumerate(lines, 1):
            # clang-format sees to code; this finds comments, which it leaves as they are.
            if len(line) > COLUMNS:
                wide.append(f"{name}:{number}: {len(line)} columns")
    for length, parameters, function, path, line in functions(sources):
        where = f"{pathlib.Path(path).relative_to(root)}:{line}: {function}"
        if length > FUNCTION_LINES:
            report.append((length, f"{where}: {length} lines (aim: {FUNCTION_LINES})"))
        if parameters > PARAMETERS:
            report.append((parameters, f"{where}: {parameters} parameters (aim: {PARAMETERS})"))
    for _, text in sorted(report, reverse=True):
        print(text)
    for text in wide:
        print(text)
    print(f"tidy: {len(report)} above the sizes aimed at, {len(wide)} lines too wide")
    return 0


if __name__ == "__main__":
    sys.exit(main())
