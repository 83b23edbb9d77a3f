"""How the fixed cases of strings and keys are written down."""
import shlex

MAX = "9223372036854775807"
MIN = "-9223372036854775808"
LATER = "4102444800"  # the year 2100
LATER_MS = "4102444800123"


def case(text, *more):
    """One command a line, in the notation of a shell; `more` are commands given as lists."""
    commands = [shlex.split(line) for line in text.strip().splitlines() if line.strip()]
    return commands + [list(command) for command in more]
