"""The same commands to gyre-server and to redis-server: every reply must be the same (see compare.py).

Two sources: fixed cases, the dictionaries CASES = {name: [[command, arg, ...], ...]} of all cases_*.py here, each run with
RESP2 and RESP3 on empty servers; and random commands. A random run that differs is cut down to few commands that still
differ and printed in the form of a case, to be fixed and kept.
"""
import importlib
import pathlib
import random

from compare import Pair
from harness import group, timeout
from random_commands import Generator


def modules():
    for path in sorted(pathlib.Path(__file__).parent.glob("cases_*.py")):
        yield path.stem, importlib.import_module(path.stem)


def run_case(pair, commands, protocol):
    """The first difference, or None. A connection that closes or a server that hangs is a difference too."""
    try:
        pair.reset(protocol)
        return pair.difference(commands)
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:  # pylint: disable=broad-except
        return f"{type(error).__name__}: {error} in {commands!r:.500}"


@group
@timeout(300)
def test_cases(ctx):
    pair = Pair(ctx)
    for module_name, module in modules():
        for name, commands in module.CASES.items():
            # None stands for: this case is about one protocol, and the case says HELLO itself.
            for protocol in (2, 3):
                problem = run_case(pair, commands, protocol)
                yield f"{module_name}.{name}.resp{protocol}", problem
                if not all(server.alive() for server in pair.servers):
                    pair = Pair(ctx)


def shrink(commands, differs, tries=150):
    """Fewer commands that still differ: halves, quarters, ... are left out as long as that holds."""
    size = max(1, len(commands) // 2)
    while size and tries > 0:
        at = 0
        while at < len(commands) and tries > 0:
            tries -= 1
            fewer = commands[:at] + commands[at + size :]
            if fewer and differs(fewer):
                commands = fewer
            else:
                at += size
        size //= 2
    return commands


def random_round(pair, seed, count, protocol, pipeline):
    """Runs `count` random commands from the seed, then compares all the state. A problem as text, or None."""
    generator = Generator(random.Random(seed))
    commands = generator.commands(count)
    reading = [*pair.state_commands(generator.keys, (0, 1, 2, 15)), ["DEBUG", "DIGEST"]]

    def differs(some, length=1):
        return run_in(pair, some, reading, protocol, length)

    problem = differs(commands, pipeline)
    if problem is None:
        return None
    text = f"seed {seed}, RESP{protocol}, pipeline {pipeline}: {problem}"
    if not differs(commands):
        return text + "\nonly in a pipeline, not one command at a time"
    few = shrink(commands, differs)
    return text + f"\nin short: {differs(few)}\n" + "".join(f"        {command!r},\n" for command in few)


def run_in(pair, commands, reading, protocol, length):
    try:
        pair.reset(protocol)
        return pair.difference(commands, length) or pair.difference(reading)
    except Exception as error:  # pylint: disable=broad-except
        if not all(server.alive() for server in pair.servers):
            for server in pair.servers:
                if not server.alive():
                    server.start()
            return f"a server ended ({type(error).__name__}: {error})"
        return f"{type(error).__name__}: {error}"


@timeout(300)
def test_random_commands_one_by_one(ctx):
    pair = Pair(ctx)
    for round_number in range(ctx.scaled(40)):
        problem = random_round(pair, ctx.seed + round_number, 500, 2 + round_number % 2, 1)
        assert problem is None, problem


@timeout(300)
def test_random_commands_in_pipelines(ctx):
    pair = Pair(ctx)
    for round_number in range(ctx.scaled(160)):
        pipeline = (3, 16, 100, 500)[round_number % 4]
        problem = random_round(pair, ctx.seed + 1000 + round_number, 1000, 2 + round_number // 4 % 2, pipeline)
        assert problem is None, problem
