"""Lists that grow and shrink across the sizes at which they are stored differently."""
import random

CASES = {}
SIDES = ("LEFT", "RIGHT")


def large(seed, count, size, sizes):
    """A list that grows over every threshold, is changed everywhere, and is read as a whole now and then."""
    rng = random.Random(seed)

    def value():
        kind = rng.randrange(6)
        if kind == 0:
            return str(rng.randrange(-(10 ** rng.randrange(1, 19)), 10 ** rng.randrange(1, 19)))
        if kind < 5:
            return rng.choice("abc") * rng.randrange(4)
        return rng.choice("xyz") * rng.choice(sizes)

    commands = [["CONFIG", "SET", "list-max-listpack-size", size]]
    for _ in range(count):
        kind = rng.randrange(24)
        at = str(rng.randrange(-200, 200))
        if kind < 6:
            values = [value() for _ in range(rng.randrange(1, 20))]
            commands.append([rng.choice(("LPUSH", "RPUSH")), "big", *values])
        elif kind < 8:
            commands.append([rng.choice(("LPOP", "RPOP")), "big", str(rng.randrange(1, 8))])
        elif kind == 8:
            commands.append([rng.choice(("LPOP", "RPOP")), "big"])
        elif kind < 11:
            commands.append(["LINSERT", "big", rng.choice(("BEFORE", "AFTER")), value(), value()])
        elif kind < 14:
            commands.append(["LSET", "big", at, value()])
        elif kind == 14:
            commands.append(["LREM", "big", str(rng.randrange(-3, 4) or 2), value()])
        elif kind == 15 and rng.random() < 0.3:
            commands.append(["LREM", "big", "0", value()])
        elif kind == 16:
            rank, matches = str(rng.choice((1, 2, -1, -2))), str(rng.randrange(4))
            commands.append(["LPOS", "big", value(), "RANK", rank, "COUNT", matches])
        elif kind == 17:
            commands.append(["LRANGE", "big", at, str(rng.randrange(-200, 200))])
        elif kind == 18:
            commands.append(["LMOVE", "big", "big", rng.choice(SIDES), rng.choice(SIDES)])
        elif kind == 19:
            commands.append(["LINDEX", "big", at])
        elif kind == 20 and rng.random() < 0.05:
            commands.append(["LTRIM", "big", str(rng.randrange(30)), str(-rng.randrange(1, 30))])
        elif kind == 21 and rng.random() < 0.1:
            commands.append(["COPY", "big", "other", "REPLACE"])
        elif kind == 22 and rng.random() < 0.1:
            commands.append(["LMPOP", "2", "other", "big", rng.choice(SIDES), "COUNT", "3"])
        if rng.random() < 0.02:
            commands += [["LRANGE", "big", "0", "-1"], ["LLEN", "big"]]
    commands += [["LRANGE", "big", "0", "-1"], ["LRANGE", "other", "0", "-1"], ["OBJECT", "ENCODING", "big"]]
    return commands + [["CONFIG", "SET", "list-max-listpack-size", "-2"]]


CASES["a large list"] = large(1, 1500, "-2", (10, 63, 64, 65, 100, 500))
CASES["a list of small nodes"] = large(2, 1500, "5", (10, 63, 64, 65, 100, 500))
CASES["a list of single elements"] = large(3, 600, "1", (10, 100))
CASES["a list of large values"] = large(4, 400, "-2", (100, 4000, 4095, 4096, 4097, 8180, 8192, 8200, 20000))
CASES["a list of large nodes"] = large(5, 1500, "-5", (100, 1000, 5000))
CASES["a list whose long values stand alone"] = [
    ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "50"],
    *large(6, 800, "-2", (49, 50, 51, 100, 5000)),
    ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0"],
]
