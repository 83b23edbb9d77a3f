"""Random commands from templates, for differential tests.

A template is a command line in the style of the manual: words in capitals below are drawn at random, [..] is there or not,
(..|..) and [..|..] choose, {..} comes one to four times. Everything else stands for itself.

    K key    V value    I integer    F float    S offset into a string    D database    C count
    T, P     seconds, milliseconds to live        A, B  seconds, milliseconds since 1970
    M        pattern for KEYS and SCAN            W  any word
    O        offset into a row of bits            Y  type of a bit field
    J        index into a list, from either end
    X        member or field, one of a few        L  key, most often one of a few that lists are kept in
    Z        score                               R  bound of a range by score
    U        key, most often one of a few that sorted sets are kept in
    H        key, most often one of a few that hashes are kept in

Times to live are past, none, or so far off that nothing expires while two servers are compared: whether a key has just
expired is no fair question to ask two processes. They also differ widely, as EXPIRE's GT and LT compare them. Expiry in time has tests of its own. DBSIZE is left out for the same
reason: it counts keys that are past their time and not removed yet.

One command in about ten is then spoilt: an argument lost, doubled or replaced. All comes from one seeded
random.Random, so that a seed brings a run back.
"""

TEMPLATES = """
SET K V [(EX T|PX P|EXAT A|PXAT B|KEEPTTL)] [(NX|XX)] [GET]
SET K V
SET K V [GET] [(EX T|PX P|KEEPTTL)] [(EX T|NX|XX|PX P)]
GET K
GET K
SETNX K V
SETEX K T V
PSETEX K P V
GETSET K V
GETDEL K
GETEX K [(EX T|PX P|EXAT A|PXAT B|PERSIST)]
MGET {K}
MSET {K V}
MSETNX {K V}
APPEND K V
STRLEN K
GETRANGE K S S
SUBSTR K S S
SETRANGE K S V
SETRANGE K C V
INCR K
DECR K
INCRBY K I
DECRBY K I
INCRBYFLOAT K F
INCRBYFLOAT K I
SETBIT K O (0|1)
SETBIT K O I
GETBIT K O
BITCOUNT K [S S [(BIT|BYTE)]]
BITPOS K (0|1) [S [S [(BIT|BYTE)]]]
BITOP (AND|OR|XOR) K {K}
BITOP (AND|OR|XOR|NOT|nonsense) K K
BITFIELD K {(GET Y O|SET Y O I|INCRBY Y O I|OVERFLOW (WRAP|SAT|FAIL|nonsense))}
BITFIELD_RO K {(GET Y O|GET Y O|GET Y O|SET Y O I)}
SADD K {V}
SADD K {I}
SADD K {X}
SADD K {X}
SREM K {X}
SREM K {(X|V)}
SCARD K
SISMEMBER K X
SMISMEMBER K {X}
SMEMBERS K
SPOP K 100000
SRANDMEMBER K
SRANDMEMBER K C
SMOVE K K X
SINTER {K}
SUNION {K}
SDIFF {K}
SINTERSTORE K {K}
SUNIONSTORE K {K}
SDIFFSTORE K {K}
SINTERCARD (1|2|3) {K} [LIMIT C]
SSCAN K 0 COUNT 100000 [MATCH M]
LPUSH L {V}
RPUSH L {V}
LPUSH L {X}
RPUSH L {X} {X} {X}
(LPUSHX|RPUSHX) L {V}
(LPOP|RPOP) L
(LPOP|RPOP) L C
LLEN L
LINDEX L J
LSET L J V
LRANGE L J J
LRANGE L 0 -1
LTRIM L J J
LREM L J X
LINSERT L (BEFORE|AFTER|nonsense) X V
LPOS L X [RANK J] [COUNT C] [MAXLEN C]
LMOVE L L (LEFT|RIGHT) (LEFT|RIGHT|nonsense)
RPOPLPUSH L L
LMPOP (1|2|3|C) L L (LEFT|RIGHT) [COUNT C]
RPUSH sorted V {X}
RPUSH sorted {X}
LTRIM sorted -40 -1
(SORT|SORT_RO) sorted ALPHA [(ASC|DESC|nonsense)] [LIMIT J J] [GET K*] [GET #]
(SORT|SORT_RO) sorted BY (nosort|K) [DESC] [LIMIT J J] [GET *] [GET # GET *1]
SORT sorted ALPHA [DESC] [LIMIT C C] [GET #] [GET k*] STORE L
ZADD U {Z X}
ZADD U {Z X}
ZADD U {Z V}
ZADD U [(NX|XX)] [(GT|LT)] [CH] [INCR] {Z X}
ZINCRBY U Z X
ZREM U {X}
ZCARD U
ZSCORE U X
ZMSCORE U {X}
(ZRANK|ZREVRANK) U X
(ZCOUNT|ZREMRANGEBYSCORE) U R R
(ZRANGE|ZREVRANGE) U S S [WITHSCORES]
ZRANGE U S S [REV] [WITHSCORES] [LIMIT C C]
ZRANGE U R R BYSCORE [REV] [LIMIT C C] [WITHSCORES]
ZRANGESTORE U U S S [REV]
ZRANGESTORE U U R R BYSCORE [REV] [LIMIT C C]
(ZRANGEBYSCORE|ZREVRANGEBYSCORE) U R R [WITHSCORES] [LIMIT C C]
ZREMRANGEBYRANK U S S
(ZPOPMIN|ZPOPMAX) U [C]
ZMPOP (1 U|2 U U|3 U U U|2 U) (MIN|MAX) [COUNT C]
ZRANDMEMBER U [C [WITHSCORES]]
(ZUNION|ZINTER) (1 U|2 U U|3 U U U|2 U) [WITHSCORES]
(ZUNION|ZINTER) 2 U U [WEIGHTS Z Z] [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]
ZDIFF (1 U|2 U U|3 U U U|2 U) [WITHSCORES]
(ZUNIONSTORE|ZINTERSTORE) U 2 U U [WEIGHTS Z Z] [AGGREGATE (SUM|MIN|MAX)]
(ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE) U (1 U|2 U U|3 U U U|2 U)
ZINTERCARD (1|2|3) {U} [LIMIT C]
ZSCAN U 0 COUNT 100000 [MATCH M]
HSET H {X V}
HSET H {X I}
HSET H {X V} {V V}
HMSET H {X V}
HSETNX H X V
HGET H X
HMGET H {X}
HGETALL H
HKEYS H
HVALS H
HLEN H
HSTRLEN H X
HEXISTS H X
HDEL H {X}
HDEL H {(X|V)}
HINCRBY H X I
HINCRBYFLOAT H X F
HRANDFIELD H [C [(WITHVALUES|nonsense)]]
HSCAN H 0 COUNT 100000 [MATCH M]
LCS K K [(LEN|IDX|IDX WITHMATCHLEN|IDX MINMATCHLEN C|IDX MINMATCHLEN C WITHMATCHLEN|LEN IDX)]
DEL {K}
UNLINK {K}
EXISTS {K}
TYPE K
TOUCH {K}
RENAME K K
RENAMENX K K
COPY K K [DB D] [REPLACE]
MOVE K D
RANDOMKEY
KEYS M
SCAN 0 COUNT 100000 [MATCH M] [TYPE (string|list|set|hash|STRING|nonsense)]
EXPIRE K T [(NX|XX|GT|LT|NX XX|GT LT|XX GT|NX GT)]
PEXPIRE K P [(NX|XX|GT|LT)]
EXPIREAT K A [(NX|XX|GT|LT)]
PEXPIREAT K B [(NX|XX|GT|LT)]
TTL K
PTTL K
EXPIRETIME K
PEXPIRETIME K
PERSIST K
OBJECT (ENCODING|REFCOUNT|FREQ|nonsense) K
SELECT D
SWAPDB D D
PING [W]
ECHO W
CLIENT (GETNAME|SETNAME W|NO-EVICT on|NO-EVICT off|GETREDIR|nonsense)
CLIENT (SETNAME good-name|KILL 127.0.0.1:1|KILL ID 99999|UNBLOCK 99999|REPLY ON|PAUSE -1|ID)
CONFIG GET (maxmemory|databases|save|nonsense|list-max-*)
CONFIG SET (maxmemory-samples 7|maxmemory-samples 0|nonsense 1|maxmemory-policy nonsense)
COMMAND GETKEYS (GET K|MSET K V K V|COPY K K|SET K V|PING|GET|nonsense K|OBJECT ENCODING K)
COMMAND GETKEYSANDFLAGS (GET K|MSET K V|SET K V GET|SET K V|RENAME K K|DEL K K|COPY K K)
DEBUG (nonsense|SLEEP 0)
nonsense W W
"""
# Rare ones: they throw the state away, and with it what the next commands could find.
RARE = """
PUBLISH K V
SPUBLISH K V
PUBSUB (NUMSUB|SHARDNUMSUB|CHANNELS|SHARDCHANNELS|NUMPAT|nonsense) [K]
FLUSHDB [(SYNC|ASYNC|nonsense)]
FLUSHALL [(SYNC|ASYNC|nonsense)]
HELLO [(2|3|4|nonsense)]
RESET
HELLO (2|3) SETNAME W
HELLO 3 AUTH default W
"""

# Never spoilt: they take all there is, and with any other count would leave two servers with different data.
CHOOSING = ("SPOP",)

INTEGERS = """0 1 -1 2 7 10 -10 100 9999 10000 2147483647 2147483648 -2147483648 4294967296 9223372036854775806
    9223372036854775807 -9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809
    18446744073709551615 99999999999999999999999 +1 01 -0 1.0 1e3 0x10 abc""".split() + ["", " 1", "1 ", "1\0", "-"]
FLOATS = """0 -0 0.1 1.5 -2.25 3.0e3 1e-5 1e17 1e18 1e300 -1e300 1.7976931348623157e308 5e-324 0.30000000000000004 100 1e400
    3.14159265358979323846264338327950288 123456789.123456789 inf -inf +inf nan 0x1p3 .5 5. +2 1,5 abc 1e""".split() + ["", " 1", "1 "]
SECONDS = "0 -1 -100 9223372036854775 9223372036854776 9223372036854775807 9223372036854775808 abc".split()
MILLISECONDS = "0 -1 -100 9223372036854775807 9223372036854775808 abc 9223370000000000000".split()
DATES_S = "4102444800 1 0 -1 1000000000 9223372036854775 9223372036854776 9223372036854775807 9223372036854775808 abc".split()
DATES_MS = "4102444800000 1 0 -1 1000000000000 9223372036854775807 9223372036854775808 abc".split()
OFFSETS = "0 1 -1 2 5 -5 30 -30 43 44 45 100 -100 1000 536870912 2147483648 9223372036854775807 -9223372036854775808 abc".split()
COUNTS = "0 1 2 3 5 10 50 300 -1 abc".split()
BIT_OFFSETS = "0 1 7 8 13 #0 #1 #3 100 #20 8191 8192 9000 70000 4294967296 -1 #-1 #x abc".split()
FIELD_TYPES = "u8 i8 u1 i1 u5 i16 u32 i63 u63 i64 u64 i65 u0 i0 x8 8".split()
MEMBERS = "1 2 3 a b c 40000 5000000000 -7 x 01 00".split() + ["", "m" * 64, "m" * 65, b"\x00\xff"]
INDICES = "0 -1 1 -2 2 3 -5 10 -20 100 9223372036854775807 -9223372036854775808 9223372036854775808 1.0 abc".split()
SCORES = "1 2 3 0 -1 1.5 2.5 0.1 10 -3.25 100 1e3 inf -inf 1e17 3.0 -0 0x10 nan abc 1e400".split() + ["", " 1"]
BOUNDS = "-inf +inf 0 1 (1 2 (2 3 1.5 (-inf inf 10 100 (x nan 1x".split() + ["", "("]
PATTERNS = ["*", "k*", "?1", "[a-c]*", "[^k]*", "k[0-9]", "*{*", "\\*", "", "k1", "*1*", "[", "[a", "**", "*\\", "?", "k\\1"]


class Templates:
    """The templates, parsed: nested lists of ("word", text), ("one", choices), ("maybe", choices), ("many", items)."""

    def __init__(self, text):
        self.lines = [self._sequence(self._tokens(line), 0)[0] for line in text.strip().splitlines()]

    @staticmethod
    def _tokens(line):
        for mark in "[](){}|":
            line = line.replace(mark, f" {mark} ")
        return line.split()

    def _sequence(self, tokens, at):
        """Items up to a closing bracket or a bar. Returns (items, index of what ended them)."""
        items = []
        while at < len(tokens) and tokens[at] not in ")]}|":
            if tokens[at] in "([{":
                kind = {"(": "one", "[": "maybe", "{": "many"}[tokens[at]]
                choices = []
                while tokens[at] not in ")]}":
                    choice, at = self._sequence(tokens, at + 1)
                    choices.append(choice)
                items.append((kind, choices))
            else:
                items.append(("word", tokens[at]))
            at += 1
        return items, at


class Generator:
    """Draws commands. `keys` is what most commands talk about; few keys make them meet."""

    def __init__(self, rng, protocols=True):
        self.rng = rng
        self.keys = ["k1", "k2", "k3", "a", "{a}b", "x{a}", b"\x00\xff bin\r\n", "", "key with a long name " * 4]
        self.lists = ["l1", "l2", "{a}l"]
        self.zsets = ["z1", "z2", "{a}z"]
        self.hashes = ["h1", "h2", "{a}h"]
        self.keys += self.lists + self.zsets + self.hashes
        self.common, self.rare = Templates(TEMPLATES).lines, Templates(RARE).lines
        self.rare_share = 0.01
        if not protocols:
            self.rare = self.rare[:2]

    def value(self):
        rng = self.rng
        kind = rng.randrange(10)
        if kind < 3:
            return rng.choice(INTEGERS)
        if kind == 3:
            return rng.choice(FLOATS)
        if kind == 4:
            return bytes(rng.randrange(256) for _ in range(rng.randrange(12)))
        if kind == 5:
            # Around the lengths at which encodings change.
            return rng.choice("abc") * rng.choice((1, 20, 21, 39, 43, 44, 45, 46, 63, 64, 65, 127, 128, 200))
        if kind == 6 and rng.random() < 0.1:
            return rng.choice("xy") * rng.choice((1023, 1024, 16383, 16384, 16385, 70000, 300000))
        return "".join(rng.choice("abc") for _ in range(rng.randrange(1, 9)))

    def draw(self, word):
        rng = self.rng
        lists = {"I": INTEGERS, "F": FLOATS, "S": OFFSETS, "T": SECONDS, "P": MILLISECONDS, "A": DATES_S, "B": DATES_MS,
                 "M": PATTERNS, "C": COUNTS, "O": BIT_OFFSETS, "Y": FIELD_TYPES, "X": MEMBERS, "J": INDICES,
                 "Z": SCORES, "R": BOUNDS}
        if word in lists:
            if word in "TP" and rng.random() < 0.6:
                return str(rng.randrange(100, 10**7) if word == "T" else rng.randrange(10**5, 10**10))
            # The first few of each list are sound; the rest are there to be refused.
            return rng.choice(lists[word][:12 if word in "OXYZR" else 6] if rng.random() < 0.6 else lists[word])
        if word == "K":
            return rng.choice(self.keys[:4] if rng.random() < 0.7 else self.keys)
        if word == "U":
            return rng.choice(self.zsets if rng.random() < 0.9 else self.keys)
        if word == "L":
            return rng.choice(self.lists if rng.random() < 0.9 else self.keys)
        if word == "H":
            return rng.choice(self.hashes if rng.random() < 0.9 else self.keys)
        if word == "V":
            return self.value()
        if word == "D":
            return rng.choice(("0", "1", "2", "0", "1", "15", "16", "-1", "abc"))
        if word == "W":
            return rng.choice(("word", "two words", "", b"\xff\x00", "good-name", "123"))
        return word

    def build(self, items):
        words = []
        for kind, content in items:
            if kind == "word":
                words.append(self.draw(content))
            elif kind == "one" or (kind == "maybe" and self.rng.random() < 0.5):
                words += self.build(self.rng.choice(content))
            elif kind == "many":
                for _ in range(self.rng.choice((1, 1, 2, 3, 4))):
                    words += self.build(content[0])
        return words

    def spoil(self, words):
        rng = self.rng
        at = rng.randrange(1, len(words) + 1)
        how = rng.randrange(3)
        if how == 0 and at < len(words):
            del words[at]
        elif how == 1:
            words.insert(at, rng.choice((words[at - 1], "nonsense", "")))
        elif at < len(words):
            words[at] = rng.choice(("", "nonsense", "-1", "0", "9" * 30, b"\x80"))
        return words

    def command(self):
        rng = self.rng
        words = self.build(rng.choice(self.rare if rng.random() < self.rare_share else self.common))
        if rng.random() < 0.1 and words[0] not in CHOOSING:
            words = self.spoil(words)
        if rng.random() < 0.2:
            words[0] = words[0].lower() if rng.random() < 0.5 else words[0].title()
        return words

    def commands(self, count):
        return [self.command() for _ in range(count)]
