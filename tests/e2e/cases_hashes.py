"""Hashes: every command with every option and every mistake, in both encodings, on both sides of the
thresholds."""
from casetext import MAX, MIN, case

CASES = {}

CASES["hset hget hdel hlen"] = case("""
hset h a 1
hset h a 2
hset h a 1 b 2 c 3
hget h a
hget h z
hget nokey a
hlen h
hlen nokey
hgetall h
hkeys h
hvals h
hgetall nokey
hkeys nokey
hvals nokey
hmget h a z b a
hmget nokey a b
type h
object encoding h
hdel h z
hdel h a a
hdel h z b
hlen h
hdel h c b a
exists h
hdel h a
hset h a 1 a 2 a 3
hgetall h
hset h "" ""
hget h ""
hgetall h
hset h "" x "y z" ""
hgetall h
hmset h m 1 n 2
hmset h m 3
hmget h m n
hset h
hset h a
hset h a 1 b
hset
hmset h
hmset h a
hmset h a 1 b
hmset h a 1 b 2 c
hget h
hget h a b
hget
hmget h
hmget
hlen
hlen h h
hdel h
hdel
hgetall
hgetall h h
hkeys
hkeys h h
hvals
hvals h h
set str x
hset str a 1
hset str a 1 b
hmset str a 1
hget str a
hmget str a b
hgetall str
hkeys str
hvals str
hlen str
hdel str a
hset t a 1
expire t 100
hset t b 2
hincrby t a 5
hsetnx t c 3
hdel t b
ttl t
""", ["hset", "bin", b"\0\xff", b"\r\n", b"\0", ""], ["hgetall", "bin"], ["hget", "bin", b"\0"], ["hget", "bin", b"\0\xff"],
    ["hdel", "bin", b"\0"], ["hlen", "bin"], ["hkeys", "bin"], ["hvals", "bin"])

CASES["hsetnx hexists hstrlen"] = case(f"""
hsetnx h a 1
hsetnx h a 2
hget h a
hsetnx h b ""
hsetnx h b x
hget h b
hexists h a
hexists h z
hexists nokey a
hstrlen h a
hstrlen h b
hstrlen h z
hstrlen nokey a
hset h n 12345 m {MIN} t hello f 1.50
hstrlen h n
hstrlen h m
hstrlen h t
hstrlen h f
hsetnx h a {"x" * 100}
object encoding h
hsetnx h long {"x" * 100}
object encoding h
hstrlen h long
hstrlen h n
hstrlen h m
hexists h long
hexists h z
hsetnx h long 1
hsetnx h
hsetnx h a
hsetnx h a 1 2
hexists h
hexists h a b
hstrlen h
hstrlen h a b
set str x
hsetnx str a 1
hexists str a
hstrlen str a
""")

_NUMBERS = ("0", "1", "-1", "5", MAX, MIN, "9223372036854775806", "-9223372036854775807", "9223372036854775808", "+1", "01", "-0",
            " 1", "1 ", "", "x", "1.0", "1e3", "12345678901234567890", "0x10")
for _form in ("small", "large"):
    _make_large = [["hset", "h", "filler", "f" * 100]] if _form == "large" else []
    CASES[f"hincrby, {_form}"] = _make_large + [
        command for n in _NUMBERS for command in
        (["hincrby", "h", "new" + n, n], ["hget", "h", "new" + n], ["hset", "h", "old", n], ["hincrby", "h", "old", "1"],
         ["hget", "h", "old"], ["hincrby", "h", "old", "-2"], ["hset", "h", "old", n], ["hincrby", "h", "old", MAX],
         ["hset", "h", "old", n], ["hincrby", "h", "old", MIN], ["hget", "h", "old"])] + case("""
object encoding h
hlen h
hincrby other a 1
hincrby other a x
hincrby nokey a x
exists nokey
hincrby h a
hincrby h
hincrby h a 1 2
set str x
hincrby str a 1
hincrby str a x
""")
    CASES[f"hincrbyfloat, {_form}"] = _make_large + [
        command for n in _NUMBERS + ("1.5", "-0.1", "0.30000000000000004", "3.0e3", "1e17", "1e400", "1e-20", "inf", "-inf", "nan",
                                     "1e4932", "5.", ".5", "1,5", "3.14159265358979323846264338327950288") for command in
        (["hincrbyfloat", "h", "new" + n, n], ["hget", "h", "new" + n], ["hset", "h", "old", n], ["hincrbyfloat", "h", "old", "0.1"],
         ["hget", "h", "old"], ["hset", "h", "old", n], ["hincrbyfloat", "h", "old", "1e4932"], ["hset", "h", "old", "10.5"],
         ["hincrbyfloat", "h", "old", n], ["hget", "h", "old"], ["hincrby", "h", "old", "1"])] + case("""
hlen h
hincrbyfloat other a 1.5
hincrbyfloat nokey a x
exists nokey
hincrbyfloat h a
hincrbyfloat h
hincrbyfloat h a 1 2
set str x
hincrbyfloat str a 1
hincrbyfloat str a x
""")

_LENGTHS = (1, 6, 7, 20, 62, 63, 64, 65, 66, 127, 128, 255, 256, 257, 1023, 1024, 1025, 5000, 20000, 70000, 300000)
CASES["lengths"] = [
    command for n in _LENGTHS for command in
    (["hset", "h", "f" * n, "v" * n], ["hget", "h", "f" * n], ["hstrlen", "h", "f" * n], ["hget", "h", "f" * (n - 1)], ["hlen", "h"],
     ["hset", "h", "f", "w" * n], ["hget", "h", "f"], ["hset", f"k{n}", "a", "v" * n], ["object", "encoding", f"k{n}"],
     ["hset", f"f{n}", "f" * n, "1"], ["object", "encoding", f"f{n}"], ["hset", f"f{n}", "f" * n, "2"], ["hgetall", f"f{n}"])
] + [["hgetall", "h"], ["hkeys", "h"], ["hvals", "h"]] + [
    command for n in _LENGTHS for command in
    (["hset", "h", "again", "v" * n], ["hset", "h", "again", "12345678901"], ["hget", "h", "again"], ["hset", "h", "again", "u" * n],
     ["hget", "h", "again"], ["hincrby", "h", "again", "1"], ["hdel", "h", "f" * n])] + [["hgetall", "h"]]

CASES["numbers of fields"] = [
    command for n in (1, 2, 100, 127, 128, 129, 300, 510, 511, 512, 513, 514, 700) for command in
    (["hset", f"h{n}", *[f"{what}{i}" for i in range(n) for what in ("field-", "")]], ["hlen", f"h{n}"], ["object", "encoding", f"h{n}"],
     ["hgetall", f"h{n}"], ["hset", f"h{n}", "field-0", "x"], ["object", "encoding", f"h{n}"], ["hset", f"h{n}", "one more", "y"],
     ["object", "encoding", f"h{n}"], ["hdel", f"h{n}", *[f"field-{i}" for i in range(0, n, 2)]], ["hlen", f"h{n}"],
     ["hgetall", f"h{n}"], ["object", "encoding", f"h{n}"], ["hrandfield", f"h{n}", "10000"], ["hrandfield", f"h{n}", "5"],
     ["hrandfield", f"h{n}", "100", "withvalues"])]

CASES["the thresholds"] = case("""
config set hash-max-listpack-entries 3
hset a 1 1 2 2 3 3
object encoding a
hset a 3 x
object encoding a
hset a 4 4
object encoding a
hgetall a
hset b 1 1 1 2 1 3 1 4 1 5 2 2
object encoding b
config set hash-max-ziplist-entries 1
hset b 1 x
object encoding b
hdel a 1 2 3
object encoding a
config get hash-max-*
config set hash-max-listpack-entries 0
hset c a 1
object encoding c
hincrby d a 1
object encoding d
config set hash-max-listpack-entries 512
config set hash-max-listpack-value 5
hset e a 12345
object encoding e
hincrby e a 100000
object encoding e
hset f a 12345
hincrbyfloat f a 0.5
object encoding f
hget f a
hset g 123456 a
object encoding g
hset i a 1
hsetnx i a 123456
object encoding i
hsetnx i b 123456
object encoding i
config set hash-max-ziplist-value 0
hset j "" ""
object encoding j
hset j "" 1
object encoding j
hgetall j
config set hash-max-listpack-value 64
copy a k
object encoding k
copy j l
object encoding l
""")

CASES["hrandfield"] = case(f"""
hrandfield nokey
hrandfield nokey 3
hrandfield nokey -3
hrandfield nokey 0
hrandfield nokey 3 withvalues
hrandfield nokey -3 withvalues
hset one a 1
hrandfield one
hrandfield one 1
hrandfield one 5
hrandfield one 5 withvalues
hrandfield one -3
hrandfield one -3 WITHVALUES
hrandfield one 0
hrandfield one 0 withvalues
hrandfield one -0
hset h a 1 b 2 c 3 d 4 e 5 f 6
hrandfield h 6
hrandfield h 6 withvalues
hrandfield h 7
hrandfield h {MAX}
hrandfield h 4
hrandfield h 4 withvalues
hrandfield h -20
hrandfield h -20 withvalues
hrandfield h x
hrandfield h 1.5
hrandfield h ""
hrandfield h {MIN}
hrandfield h {MIN} nonsense
hrandfield h 9223372036854775808
hrandfield h {MAX} withvalues
hrandfield h -9223372036854775807 withvalues
hrandfield h 4611686018427387903 withvalues
hrandfield h 4611686018427387904 withvalues
hrandfield h -4611686018427387904 withvalues
hrandfield h 1 nonsense
hrandfield h x nonsense
hrandfield h 1 withvalues withvalues
hrandfield h 1 withvalues x
hrandfield h withvalues
hrandfield nokey x
hrandfield nokey 1 nonsense
hrandfield
set str x
hrandfield str
hrandfield str 1
hrandfield str 0
hrandfield str x
hrandfield str 1 withvalues
""", ["hset", "big", *[f"{what}{i}" for i in range(1000) for what in ("f", "v")]], *[
    ["hrandfield", "big", count, *options] for count in ("10", "-10", "400", "999", "1000", "2000", "-2000") for options in ((), ("withvalues",))])

CASES["hscan"] = case(f"""
hscan nokey 0
hscan nokey x
hscan nokey 0 nonsense
hscan nokey 17
hset h a 1 b 2 c 3 1 one 2 two abc x abd y
hscan h 0
hscan h 0 count 1000
hscan h 0 match a* count 1000
hscan h 0 match * count 1000
hscan h 0 count 1000 match [12]
hscan h 0 match nothing count 1000
hscan h 0 match one
hscan h 0 match "" count 1000
hscan h 0 count 1
hscan h 17
hscan h x
hscan h -1
hscan h +0
hscan h ""
hscan h 0 count
hscan h 0 count 0
hscan h 0 count -1
hscan h 0 count x
hscan h 0 match
hscan h 0 novalues
hscan h 0 type hash
hscan h 0 nonsense
hscan h 0 count 5 count 1000
hscan h 0 match x count 0
hscan h 0 count x match
hscan h
hscan
hscan h {MAX}0
set str x
hscan str 0
hscan str x
""", ["hset", "big", *[f"{what}{i}" for i in range(2000) for what in ("field-", "value-")]], ["hscan", "big", "0", "count", "100000"],
    ["hscan", "big", "0", "count", "100000", "match", "*99*"], ["hscan", "big", "0", "match", "*99*", "count", "100000", "count", "x"])

CASES["hashes among the keys"] = case("""
hset h a 1 b 2
copy h t
hgetall t
hset t c 3
hlen h
rename h u
hgetall u
get u
append u x
incr u
setbit u 1 1
strlen u
sadd u x
lpush u x
sinter u u
set u x
get u
del t
exists t
hset a f 1
copy a b
hset b g 2
copy b a
copy b a replace
hgetall a
move a 1
select 1
hgetall a
hset a y 1
scan 0 type hash
scan 0 type HASH
scan 0 type string
scan 0 count 100 type hash match a
flushdb
exists a
select 0
hset big a 1
expire big 100
persist big
ttl big
object refcount big
object freq big
touch big
unlink big
exists big
dbsize
hset e a 1
pexpire e -1
exists e
memory usage e
hset e a 1
memory usage e
memory usage e samples 0
memory usage e samples 5
memory usage e samples -1
memory usage e samples x
memory usage e samples
memory usage nokey samples 3
""", ["hset", "many", *[f"{what}{i}" for i in range(5000) for what in ("field-", "value-")]], ["copy", "many", "other"],
    ["hlen", "other"], ["memory", "usage", "many", "samples", "0"], ["hdel", "many", *[f"field-{i}" for i in range(0, 5000, 2)]],
    ["hgetall", "many"], ["hgetall", "other"], ["unlink", "many"], ["rename", "other", "many"], ["hlen", "many"], ["set", "many", "x"],
    ["dbsize"])

CASES["what is a change to those who watch"] = [["hset", "h", "a", "1", "b", "x"]] + [
    command for change in ("hset h a 1", "hset h a 2", "hsetnx h a 3", "hsetnx h c 3", "hdel h z", "hdel h c", "hincrby h a 0",
                           "hincrby h b 1", "hincrbyfloat h a 0", "hincrbyfloat h b 1", "hget h a", "hrandfield h", "hscan h 0",
                           "hgetall h", "hdel nokey a", "hmset h a 1", "hset h a", "hdel h a b")
    for command in (["watch", "h", "nokey"], change.split(), ["multi"], ["hlen", "h"], ["exec"])]
