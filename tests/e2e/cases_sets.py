"""Sets: every command with every option and every mistake, on all encodings.

What is drawn by chance differs between two servers, so cases take all members of a set or ask how many there are.
"""
from casetext import MAX, MIN, case

CASES = {}

CASES["sadd srem scard"] = case(f"""
sadd s a
sadd s a
sadd s a b c b
scard s
smembers s
object encoding s
type s
srem s a
srem s a
srem s b b zz c
exists s
srem s a
scard s
sadd i 1 2 3
object encoding i
sadd i 3 2 1 0 -5 {MAX} {MIN}
smembers i
object encoding i
sadd i 9223372036854775808
object encoding i
smembers i
srem i 9223372036854775808
object encoding i
scard i
sadd j 1 01 +1 " 1" -0 0 1.0 ""
object encoding j
smembers j
scard j
sismember j 1
sismember j 01
sismember j ""
srem j "" 01 +1 -0
smembers j
sadd k 1 2 3
srem k 1 2 x
smembers k
srem k 3
exists k
sadd w 1
sadd w 40000
sadd w 5000000000
srem w 5000000000
smembers w
sismember w 5000000000
sismember w 1
sismember w x
sadd s
sadd
srem s
srem
scard
scard a b
set str x
sadd str a
srem str a
scard str
sadd t a b ex 100
expire t 100
sadd t more
ttl t
srem t a
ttl t
""", ["sadd", "bin", b"\0\xff", b"\r\n", b"\0", ""], ["smembers", "bin"], ["sismember", "bin", b"\0"], ["srem", "bin", b"\0"],
    ["smembers", "bin"])

_LENGTHS = (62, 63, 64, 65, 66, 255, 256, 1000, 5000, 20000)
CASES["lengths and numbers of members"] = [
    command for n in _LENGTHS for command in
    (["sadd", "s", "x" * n], ["sismember", "s", "x" * n], ["sismember", "s", "x" * (n - 1)], ["scard", "s"])
] + [["smembers", "s"]] + [["srem", "s", "x" * n] for n in _LENGTHS] + [["exists", "s"]] + [
    command for n in (30, 31, 32, 33, 34, 100, 127, 128, 129, 300, 511, 512, 513, 600) for command in
    (["sadd", "t", *[f"member-{i}" for i in range(n)]], ["scard", "t"], ["object", "encoding", "t"], ["smembers", "t"],
     ["sadd", f"u{n}", *[str(i * 7919) for i in range(n)]], ["object", "encoding", f"u{n}"], ["sadd", f"u{n}", "x"],
     ["object", "encoding", f"u{n}"], ["scard", f"u{n}"], ["smembers", f"u{n}"],
     ["srem", f"u{n}", *[str(i * 7919) for i in range(0, n, 2)]], ["smembers", f"u{n}"], ["srandmember", f"u{n}", "1000"],
     ["spop", f"u{n}", "1000"], ["exists", f"u{n}"])]

CASES["set-max-intset-entries"] = case("""
config set set-max-intset-entries 3
sadd a 1 2 3
object encoding a
sadd a 4
object encoding a
smembers a
srem a 4 3
object encoding a
sunionstore b a
object encoding b
config set set-max-intset-entries 0
sadd c 1
object encoding c
sinterstore d c c
object encoding d
smove b c 2
object encoding b
config set set-max-intset-entries 5
sadd e 1 2 3 4 5
object encoding e
smove c e 2
object encoding e
config set set-max-intset-entries 512
""")

CASES["members that are asked for"] = case("""
sismember nokey a
smismember nokey a b
smembers nokey
sadd s a b 1 2 3
sismember s a
sismember s z
sismember s 1
sismember s 01
smismember s a z 1 4 a
smismember s
sismember s
sismember s a b
smembers
smembers s s
sadd i 1 2 3
smismember i 1 4 x 3 ""
sismember i x
set str x
sismember str a
smismember str a
smembers str
""")

CASES["smove"] = case("""
smove nokey d a
exists d
sadd s a b 1
smove s d a
smembers s
smembers d
smove s d zz
smove s d a
smove s s b
smove s s zz
sadd d b
smove s d b
scard d
smove s d 1
exists s
smembers d
object encoding d
sadd i 5 6
smove i n 5
object encoding n
smove d n b
object encoding n
smembers n
set str x
smove str d a
smove d str a
smove nokey str a
smove str nokey a
smove str str a
smove d
smove d s
smove d s a b
expire d 100
sadd e q
smove e d q
ttl d
smembers d
""")

CASES["spop and srandmember"] = case(f"""
spop nokey
spop nokey 3
spop nokey 0
srandmember nokey
srandmember nokey 3
srandmember nokey -3
srandmember nokey 0
sadd one a
spop one
exists one
sadd one a
srandmember one
srandmember one 1
srandmember one 5
srandmember one -3
srandmember one 0
spop one 0
spop one 1
exists one
sadd i 42
spop i
sadd i 42
srandmember i
srandmember i -2
spop i 5
sadd s a b c 1 2 3
srandmember s 6
srandmember s 7
srandmember s {MAX}
srandmember s 4
srandmember s -20
scard s
spop s 6
exists s
sadd s a b c d e f g h i j k l m n o p q r s t u v w x y z
spop s 25
scard s
spop s {MAX}
sadd n 1 2 3 4 5 6 7 8 9 10 x
srem n x
object encoding n
spop n 9
object encoding n
sadd n 1 2 3 4 5 6 7 8 9 10 x
srem n x
spop n 3
object encoding n
sadd s a b
spop s -1
spop s x
spop s 1.5
spop s ""
spop s {MIN}
spop s 1 2
spop
srandmember s x
srandmember s 1.5
srandmember s {MIN}
srandmember s 9223372036854775808
srandmember s 1 2
srandmember
spop nokey x
spop nokey -1
srandmember nokey x
set str x
spop str
spop str 1
spop str 0
spop str x
srandmember str
srandmember str 1
srandmember str 0
srandmember str x
expire s 100
spop s 1
ttl s
scard s
""")

_SOURCES = """
sadd a 1 2 3 4 5 x y z
sadd b 3 4 5 6 y z w
sadd c 5 z q
sadd i 1 2 3 4 5
sadd j 4 5 6
sadd one 5
set str x
"""
_LISTS = ("a", "a a", "a b", "b a", "a b c", "c b a", "i j", "j i", "i j a", "a i", "one a b c i j", "nokey", "a nokey", "nokey a",
          "nokey nokey", "a nokey b", "a b a b", "one one", "str", "a str", "str a", "nokey str", "str nokey", "i", "j a i")
CASES["sets together"] = case(_SOURCES + "\n".join(f"{op} {keys}" for op in ("sinter", "sunion", "sdiff") for keys in _LISTS))
CASES["sets together, stored"] = case(_SOURCES + "\n".join(
    line for op in ("sinterstore", "sunionstore", "sdiffstore") for keys in _LISTS
    for line in (f"{op} d {keys}", "smembers d", "object encoding d", "exists d")))
CASES["stored over what was there"] = case(_SOURCES + """
expire a 100
sunionstore a a b
ttl a
smembers a
sdiffstore b b c
smembers b
sinterstore c c c
smembers c
sinterstore str c c
type str
sinterstore str c nokey
exists str
set str x ex 100
sunionstore str nokey
exists str
sdiffstore i i i
exists i
sinterstore d a
sinterstore d
sinterstore
sunionstore d
sdiffstore
sinter
sunion
sdiff
""")
CASES["large sets together"] = [["sadd", name, *[f"{prefix}{i}" for i in range(low, high)]] for name, prefix, low, high in
                                (("a", "", 0, 3000), ("b", "", 1000, 2500), ("c", "m", 0, 500), ("d", "m", 400, 900),
                                 ("e", "", 0, 400), ("f", "", 300, 700), ("g", "m", 499, 500))] + [
    command for op in ("inter", "union", "diff") for keys in
    ("a b", "b a", "a e", "e a f", "c d", "d c g", "a b c d e f g", "g c", "c g g g g g g", "e f", "a f f f f f f f f f f")
    for command in ([f"s{op}", *keys.split()], [f"s{op}store", "r", *keys.split()], ["object", "encoding", "r"], ["smembers", "r"])]

CASES["sintercard"] = case(_SOURCES + "\n".join(
    f"sintercard {len(keys.split())} {keys}{limit}" for keys in _LISTS for limit in ("", " limit 0", " limit 1", " LIMIT 100")) + f"""
sintercard 0 a
sintercard -1 a
sintercard x a
sintercard 1.5 a
sintercard 2 a
sintercard 3 a b
sintercard {MAX} a
sintercard 1
sintercard
sintercard 1 a limit
sintercard 1 a limit x
sintercard 1 a limit -1
sintercard 1 a limit {MIN}
sintercard 1 a limit 2 limit 1
sintercard 1 a nonsense
sintercard 1 a nonsense 2
sintercard 1 a b
sintercard 1 nokey limit x
sintercard 1 str limit x
command getkeys sintercard 2 a b limit 1
command getkeys sunionstore d a b
command getkeysandflags smove a b c
command getkeysandflags sdiffstore d a b
""")

CASES["sscan"] = case(f"""
sscan nokey 0
sscan nokey x
sscan nokey 0 nonsense
sscan nokey 17
sadd s a b c 1 2 3 abc abd
sscan s 0 count 1000
sscan s 0 match a* count 1000
sscan s 0 match * count 1000
sscan s 0 count 1000 match [12]
sscan s 0 match nothing count 1000
sscan s 0 match "" count 1000
sadd i 1 2 3 11 12
sscan i 0
sscan i 0 count 1
sscan i 0 match 1*
sscan i 17
sscan s x
sscan s -1
sscan s 0 count
sscan s 0 count 0
sscan s 0 count -1
sscan s 0 count x
sscan s 0 match
sscan s 0 type set
sscan s 0 nonsense
sscan s 0 count 5 count 1000
sscan s 0 match x count 0
sscan s 0 count x match
sscan s
sscan
sscan s {MAX}0
set str x
sscan str 0
sscan str x
""", ["sadd", "big", *[f"member-{i}" for i in range(2000)]], ["sscan", "big", "0", "count", "100000"],
    ["sscan", "big", "0", "count", "100000", "match", "*99*"])

CASES["sets among the keys"] = case("""
sadd s a b c
copy s t
smembers t
sadd t d
scard s
rename s u
smembers u
get u
append u x
incr u
setbit u 1 1
strlen u
set u x
get u
del t
exists t
sadd a 1 2
copy a b
sadd b x
object encoding a
object encoding b
copy b a
copy b a replace
smembers a
move a 1
select 1
smembers a
sadd a y
flushdb
exists a
select 0
sadd big 1 2 3
expire big 100
persist big
ttl big
object refcount big
unlink big
exists big
dbsize
""", ["sadd", "many", *[f"member-{i}" for i in range(5000)]], ["copy", "many", "other"], ["scard", "other"],
    ["srem", "many", *[f"member-{i}" for i in range(0, 5000, 2)]], ["smembers", "many"], ["smembers", "other"],
    ["unlink", "many"], ["rename", "other", "many"], ["scard", "many"], ["set", "many", "x"], ["dbsize"])

CASES["what is a change to those who watch"] = [["sadd", "s", "a", "b", "1"], ["sadd", "i", "1", "2"], ["sadd", "t", "b"], ["set", "k", "v"],
                                                ["setbit", "k", "1", "1"]] + [
    command for change in ("sadd s a", "srem s z", "smove s t z", "smove s s a", "sadd s c", "srem s c", "spop s 0", "srandmember s",
                           "sadd i 1", "srem i 5", "sadd i 3", "spop nokey", "smove s t b", "spop t 1", "sinterstore d s nokey",
                           "sunionstore d s", "sdiffstore d s s", "setbit k 1 1", "setbit k 1 0", "bitfield k get u8 0",
                           "bitfield k set u8 0 54", "bitfield k incrby u8 0 0", "bitfield k overflow fail incrby u8 0 255",
                           "bitfield k incrby u8 0 1", "setbit k 100 0", "bitop and k k k", "getbit k 5")
    for command in (["watch", "s", "i", "t", "d", "k"], change.split(), ["multi"], ["scard", "s"], ["exec"])]
