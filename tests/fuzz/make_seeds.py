#!/usr/bin/python3
"""Writes the fuzzers' first inputs and their dictionary, from what the end-to-end tests send.

Run by hand when commands were added; `tests/tools/fuzz.sh merge` then keeps what covers something new. The RESP fuzzer's inputs
begin with a byte that says where the rest is cut.
"""
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.dont_write_bytecode = True

import random_commands  # noqa: E402
import test_protocol  # noqa: E402
from resp import encode  # noqa: E402


# What random commands leave out, since it changes what the replies after it look like.
LISTENING = "SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE __keyevent@0__:set notify-keyspace-events AKEmn"


def main():
    generator = random_commands.Generator(random.Random(1))
    for name, prefix in (("resp", b"\x07"), ("command", b"")):
        folder = HERE.parents[1] / "build" / "fuzz" / "corpus" / name
        folder.mkdir(parents=True, exist_ok=True)
        inputs = [data for data in test_protocol.REQUESTS + test_protocol.MALFORMED if len(data) < 4000]
        inputs += [b"".join(encode(*generator.command()) for _ in range(4)) for _ in range(2000)]
        inputs += [  # one who listens to himself
            b"".join(encode(*words.split()) for words in ("HELLO 3", "CONFIG SET notify-keyspace-events AKEmn", f"{word} * k1", "PUBLISH k1 v",
                                                          "SPUBLISH k1 v", "SET k1 v PX 1", "DEL k1", "UNSUBSCRIBE"))
            for word in ("PSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE")
        ]
        for number, data in enumerate(inputs):
            if len(data) < 4000:
                (folder / f"seed-{number}").write_bytes(prefix + data)
    words = sorted(set(LISTENING.split()) | {word for line in (random_commands.TEMPLATES + random_commands.RARE).split() for word in line.strip("[](){}|").split("|") if len(word) > 1})
    lines = [f'"{word}"' for word in words] + [f'"${len(word)}\\x0d\\x0a{word}\\x0d\\x0a"' for word in words if word.isalpha()]
    (HERE / "command.dict").write_text("# Words of the protocol, by make_seeds.py.\n" + "\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
