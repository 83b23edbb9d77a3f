"""SORT and SORT_RO: every option and every mistake, over lists, sets and sorted sets, with the keys of patterns."""
import random

from casetext import MAX, MIN, case

CASES = {}

CASES["numbers and words"] = case("""
rpush l 3 10 -1 2.5 0x10 1e2 " 7" inf -inf 0 3
sort l
sort l desc
sort l asc
sort l alpha
sort l alpha desc
sort l desc asc
sort l asc desc alpha
sort_ro l
sort_ro l desc alpha
rpush w banana Apple cherry apple "" 10 9 "a b"
sort w
sort w alpha
sort w alpha desc
sort_ro w alpha
rpush e "" 1 ""
sort e
rpush x 1 "2 "
sort x
rpush z 1 nan
sort z
rpush n 9223372036854775807 9223372036854775806 -9223372036854775808 1e18 5
sort n
sort n desc
rpush same 1.0 1 1.00 01
sort same
sort same desc
sort nokey
sort nokey alpha desc limit 0 1
sort_ro nokey
set s v
sort s
sort_ro s
sort s nonsense
object encoding l
rpush y 1 1e400
sort y
""")

CASES["limit"] = case(f"""
rpush l 5 3 1 4 2
sort l limit 0 2
sort l limit 1 2
sort l limit 3 10
sort l limit 5 1
sort l limit 100 1
sort l limit 0 0
sort l limit 0 -1
sort l limit 2 -5
sort l limit -3 2
sort l limit -1 -1
sort l limit {MIN} {MAX}
sort l limit {MAX} {MAX}
sort l limit 1 {MAX}
sort l desc limit 1 2
sort l limit 0 1 limit 1 3
sort l limit x 1
sort l limit 0 x
sort l limit 0 1.5
sort l limit 0
sort l limit
sort l by nosort limit 1 2
sort l by nosort desc limit 1 2
sort l by nosort limit 5 5
sort l by nosort limit 3 {MAX}
sort l by nosort desc limit 0 100
sort l by nosort limit -2 2
sort l by nosort limit 0 0
sort nokey limit 0 5
sort nokey by nosort limit 0 5
""")

CASES["by"] = case("""
rpush l 1 2 3 4 5
mset w1 50 w2 40 w3 30 w4 20 w5 10
sort l by w*
sort l by w* desc
sort l by w* limit 1 2
sort l by nosort
sort l by nosort desc
sort l by nosort alpha
sort l by ""
sort l by "#"
sort l by w
sort l by nosort by w*
sort l by w* by nosort
sort l by w* by w*
del w3
sort l by w*
set w3 nonsense
sort l by w*
sort l by w* alpha
del w3
sort l by w* alpha
sort l by w* alpha desc
del w1 w2 w4 w5
sort l by w*
sort l by w* desc
sort l by nokey* alpha
rpush w2 x
sort l by w*
sort l by w* alpha
set w1 ""
sort l by w*
mset 1 5 2 4 3 3 4 2 5 1
sort l by *
sort l by **
set 1* 7
set 2* 6
sort l by **
set a1b 3
set a2b 2
sort l by a*b
sort l by
sort_ro l by a*b
""")

CASES["get"] = case("""
rpush l 2 1 3
mset d1 one d2 two n3 3
sort l get d*
sort l get #
sort l get # get d* get n* get nokey
sort l get d* get d* get #
sort l get "" get x get *
sort l get ##
sort l get #* get *#
sort l by nosort get # get d*
sort l by d* alpha get # desc
sort l limit 1 1 get d* get #
rpush d3 x
sort l get d*
setbit d1 1 1
set d2 12345
sort l get d*
sort_ro l get d* get #
sort l get
sort nokey get d*
hello 3
sort l get d* get nokey*
sort l get nokey
sort nokey get #
""")

CASES["store"] = case("""
rpush l 3 1 2
sort l store r
lrange r 0 -1
type r
object encoding r
sort l desc store r
lrange r 0 -1
sort l store l
lrange l 0 -1
mset d1 one d3 three
sort l get d* get # store r
lrange r 0 -1
sort l limit 5 1 store r
exists r
sort l limit 5 1 store r
sort nokey store r
set s v
sort l store s
type s
set s v ex 1000
sort l store s
ttl s
sort nokey store s
exists s
sort l store a store b
exists a
exists b
sort l by nosort desc store r
lrange r 0 -1
sort l alpha store r
rpush m 1 x
sort m store r
lrange r 0 -1
sort m alpha store r
lrange r 0 -1
sort l store
sort_ro l store r
sort_ro l alpha store r
sort l get nokey* store r
lrange r 0 -1
sort s2 get store r
sort l by store store store
lrange store 0 -1
set str v
sort str store r
exists r
command getkeys sort l store r
command getkeys sort l by x* store r get y* store q
command getkeys sort l get store r
command getkeys sort l limit store r
command getkeys sort l
command getkeys sort_ro l by x*
command getkeys sort_ro l store r
command getkeysandflags sort l by x* store r
multi
sort l by w* get d*
sort l store r
lrange r 0 -1
exec
""")

CASES["sets"] = case("""
sadd i 5 3 9 1 100 -4
sort i
sort i desc limit 1 3
sort i alpha
sort i by nosort store r
lrange r 0 -1
sort i by nosort desc store r
lrange r 0 -1
sort i by nosort limit 2 2 store r
lrange r 0 -1
sadd s x y z 1
sort s
sort s alpha
sort s alpha desc
mset wx 3 wy 2 wz 1 w1 4
sort s by w* get # get w*
sort s by w* store r
lrange r 0 -1
object encoding i
object encoding s
""")

CASES["sorted sets"] = case("""
zadd z 3 c 1 a 2 b 10 10 7 5
sort z alpha
sort z alpha desc
sort z
sort z by nosort
sort z by nosort desc
sort z by nosort limit 1 2
sort z by nosort desc limit 1 2
sort z by nosort limit 5 2
sort z by nosort limit 10 2
sort z by nosort get #
sort z by nosort store r
lrange r 0 -1
sort z by nosort desc store r
lrange r 0 -1
mset wa 3 wb 2 wc 1 w10 5 w5 4
sort z by w*
sort z by w* desc limit 0 2
""")

CASES["fields of hashes"] = case("""
rpush l 1 2 3
hset h1 weight 3 name one n 11
hset h2 weight 1 name two
hset h3 weight 2
sort l by h*->weight
sort l by h*->weight desc
sort l by h*->weight get h*->name
sort l by h*->weight get # get h*->name get h*->n get h*->nope
sort l by h*->name alpha
sort l by h*->nope
sort l by h*->
sort l get h*->
sort l by h*
sort l get h*
set h2 str
sort l get h*->name
sort l get h*->weight->x
sort l get h->*name
sort l get h*-> get h*->n
set s1->n v
sort l get s*->n
set s1-> w
sort l get s*->
hset q1x f v
sort l get q*x->f
hset big1 long aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa num 12
sort l get big*->long get big*->num
sort l get h*->name store r
lrange r 0 -1
""")

CASES["mistakes"] = case("""
rpush l 1 2
sort
sort_ro
sort l nonsense
sort l by
sort l get
sort l limit 1
sort l store
sort l asc nonsense
sort l limit a b nonsense
sort l nonsense limit a b
sort l ""
sort_ro l store x
set s v
sort s by nosort
sort s limit a b
""")


def large(seed, count):
    """Thousands of elements, with ties, sorted in all ways."""
    rng = random.Random(seed)
    commands = []
    for _ in range(count // 50):
        commands.append(["RPUSH", "big", *(str(rng.randrange(2000)) for _ in range(50))])
        commands.append(["SADD", "set", *(str(rng.randrange(100000)) for _ in range(50))])
    for _ in range(1000):
        commands.append(["SET", f"w{rng.randrange(2000)}", str(rng.randrange(30))])
    for key in ("big", "set"):
        commands += [["SORT", key], ["SORT", key, "DESC"], ["SORT", key, "ALPHA"], ["SORT", key, "LIMIT", "10", "100"]]
        commands.append(["SORT", key, "ALPHA", "DESC", "LIMIT", "100", "1000"])
    commands.append(["SORT", "big", "BY", "w*", "GET", "#", "GET", "w*"])
    commands.append(["SORT", "big", "BY", "w*", "DESC", "STORE", "r"])
    commands.append(["LRANGE", "r", "0", "-1"])
    return commands


CASES["many"] = large(1, 3000)
CASES["binary"] = [
    ["RPUSH", "b", b"a\0b", b"a\0a", b"\xff", b"\x80\0", b"a", b""],
    ["SORT", "b", "ALPHA", "STORE", "r"],
    ["LRANGE", "r", "0", "-1"],
    ["RPUSH", "n", b"3\0x", b"1\0", b"2"],
    ["SORT", "n"],
    ["SET", b"w\0001", "x"],
    ["RPUSH", "l", "1", "2"],
    ["SORT", "l", "BY", b"w\0*"],
    ["SORT", "l", "GET", b"w\0*", "GET", b"#\0", "GET", b"w*\0->x"],
]
