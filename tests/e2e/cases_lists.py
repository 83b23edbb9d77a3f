"""Lists: every command at their ends, in between and between lists, every option and every mistake."""
from casetext import MAX, MIN, case

CASES = {}

CASES["push and pop"] = case(f"""
lpush a 1
rpush a 2 3 4
lpush a x y z
lrange a 0 -1
llen a
object encoding a
type a
lpop a
rpop a
lpop a 0
lpop a 2
rpop a 2
rpop a 100
exists a
lpop a
rpop a
lpop a 1
rpop a 0
rpop a 5
lpushx a 1
rpushx a 1
exists a
rpush a ""
lpushx a 1 2
rpushx a 3 4
lrange a 0 -1
rpush a 0 -0 00 127 128 -1 4095 4096 -4096 -4097 32767 32768 -32768 -32769 8388607 8388608 -8388608 -8388609
rpush a 2147483647 2147483648 -2147483648 -2147483649 {MAX} {MIN} 9223372036854775808 1.5 1e3 " 1" "1 " +1 a
lrange a 0 -1
lpop a {MAX}
lrange a 0 -1
rpush a b
lpop a x
lpop a -1
lpop a 1.0
lpop a ""
lpop a {MAX}0
lpop a 1 2
rpop a x
rpop a -1
rpop a 1 2
lpop
rpop
lpop nokey x
lpop nokey -1
lpush a
lpush
rpush a
lpushx a
rpushx
llen
llen a b
llen nokey
set s v
lpush s 1
rpush s 1
lpushx s 1
rpushx s 1
lpop s
rpop s
lpop s 1
lpop s 0
lpop s x
llen s
get s
expire a 1000
rpush a c
ttl a
lpop a 2
ttl a
rpush a z
ttl a
""")

CASES["range and index"] = case(f"""
rpush a 0 1 2 3 4 5 6 7 8 9
lrange a 0 -1
lrange a 2 4
lrange a -3 -1
lrange a 5 100
lrange a 100 200
lrange a 4 2
lrange a -1 0
lrange a -100 1
lrange a -100 -50
lrange a 9 9
lrange a 10 10
lrange a 0 0
lrange a {MIN} {MAX}
lrange a {MAX} {MIN}
lrange a 0 {MAX}
lrange a x 1
lrange a 1 x
lrange a 1 1.0
lrange a 1 {MAX}0
lrange a 1
lrange a 1 2 3
lrange nokey 0 -1
lrange nokey x 1
lindex a 0
lindex a 9
lindex a 10
lindex a -1
lindex a -10
lindex a -11
lindex a {MAX}
lindex a {MIN}
lindex a x
lindex a 1.0
lindex a {MAX}0
lindex nokey 0
lindex nokey x
lindex a
set s v
lrange s 0 -1
lrange s x -1
lindex s 0
lindex s x
lindex s
""")

CASES["set"] = case(f"""
rpush a 0 1 2
lset a 0 zero
lset a -1 ""
lset a 1 12345678901234567890
lrange a 0 -1
lset a 3 x
lset a -4 x
lset a {MAX} x
lset a {MIN} x
lset a x x
lset a 1.0 x
lset nokey 0 x
lset nokey x x
lset a 0
lset a 0 1 2
set s v
lset s 0 x
lset s x x
lrange a 0 -1
""")

CASES["insert"] = case("""
rpush a 1 2 3 2 1
linsert a before 2 x
linsert a after 2 y
linsert a BEFORE 1 first
linsert a AfTeR 1 5
linsert a before nope x
linsert a after nope x
lrange a 0 -1
linsert a between 1 x
linsert nokey before 1 x
linsert nokey between 1 x
linsert a before 1
linsert a before 1 2 3
linsert a
set s v
linsert s before 1 x
linsert s between 1 x
exists nokey
linsert a before "" x
rpush a ""
linsert a after "" end
linsert a before 01 x
lrange a 0 -1
""")

CASES["remove"] = case(f"""
rpush a a b a c a d a
lrem a 2 a
lrange a 0 -1
lrem a -1 a
lrange a 0 -1
lrem a 0 nope
lrem a 5 nope
rpush a b b b
lrem a -2 b
lrange a 0 -1
lrem a 0 b
lrange a 0 -1
lrem a 0 a
lrem a 0 c
lrem a 0 d
exists a
lrem a 0 a
rpush a 1 01 1 +1 1
lrem a 0 1
lrange a 0 -1
lrem a 0 01
lrem a 0 ""
lrem a x 1
lrem a 1.0 1
lrem a {MAX} +1
rpush a q q q
lrem a {MIN} q
lrem a {MIN}1 q
exists a
lrem a 1
lrem a
lrem nokey x a
set s v
lrem s 0 a
lrem s x a
""")

CASES["trim"] = case(f"""
rpush a 0 1 2 3 4 5 6 7 8 9
ltrim a 1 -2
lrange a 0 -1
ltrim a -100 5
lrange a 0 -1
ltrim a 0 100
lrange a 0 -1
ltrim a 1 1
lrange a 0 -1
ltrim a 5 10
exists a
rpush a 0 1 2
ltrim a 2 1
exists a
rpush a 0 1 2
ltrim a {MAX} {MIN}
exists a
rpush a 0 1 2
ltrim a {MIN} {MAX}
lrange a 0 -1
ltrim a -1 -1
lrange a 0 -1
ltrim a x 1
ltrim a 1 x
ltrim a 1
ltrim a 1 2 3
ltrim nokey 0 1
ltrim nokey x 1
set s v
ltrim s 0 1
ltrim s x 1
expire a 100
ltrim a 0 -1
ttl a
""")

CASES["lpos"] = case(f"""
rpush a a b c 1 2 3 c c
lpos a a
lpos a c
lpos a nope
lpos a c rank 1
lpos a c rank 2
lpos a c rank 3
lpos a c rank 4
lpos a c rank -1
lpos a c rank -2
lpos a c rank -4
lpos a c count 0
lpos a c count 1
lpos a c count 2
lpos a c count 10
lpos a nope count 0
lpos a nope count 2
lpos a c rank 2 count 0
lpos a c rank -2 count 0
lpos a c rank -1 count 2
lpos a c rank 5 count 0
lpos a c maxlen 0
lpos a c maxlen 2
lpos a c maxlen 3
lpos a c maxlen 7 count 0
lpos a c rank -1 maxlen 1
lpos a c rank -1 maxlen 3 count 0
lpos a c rank -2 maxlen 2 count 0
lpos a c rank 3 maxlen 7
lpos a c maxlen 1000
lpos a c RaNk 2 COUNT 0 mAxLeN 8
lpos a c rank 2 rank 1
lpos a c count 1 count 0
lpos a 1
lpos a 01
lpos a ""
lpos a c rank 0
lpos a c rank x
lpos a c rank 1.0
lpos a c rank {MAX}
lpos a c rank {MIN}
lpos a c rank {MIN} count 2
lpos a c rank -{MAX}
lpos a c rank {MAX}0
lpos a c count -1
lpos a c count x
lpos a c count {MAX}
lpos a c count {MAX}0
lpos a c maxlen -1
lpos a c maxlen x
lpos a c maxlen {MAX}
lpos a c rank
lpos a c count
lpos a c maxlen
lpos a c nonsense 1
lpos a c rank 1 nonsense
lpos a c rank 0 nonsense
lpos a
lpos
lpos nokey a
lpos nokey a count 1
lpos nokey a rank 0
lpos nokey a rank 2 count 0
set s v
lpos s a
lpos s a count 1
lpos s a rank 0
""")

CASES["move"] = case("""
rpush a 1 2 3 4
lmove a b left left
lmove a b left right
lmove a b right left
lmove a b right right
exists a
lrange b 0 -1
lmove a b left left
lmove b b left right
lrange b 0 -1
lmove b b right left
lmove b b left left
lmove b b right right
lrange b 0 -1
rpoplpush b b
rpoplpush b c
rpoplpush nokey c
rpoplpush nokey nokey
lrange b 0 -1
lrange c 0 -1
lmove b c LEFT rIgHt
lmove b c up left
lmove b c left up
lmove b c up down
lmove b c left
lmove b c left left left
lmove b
rpoplpush b
rpoplpush b c d
set s v
lmove b s left left
lmove s b left left
lmove s nokey left left
lmove nokey s left left
lmove s s left left
rpoplpush b s
rpoplpush s b
rpoplpush nokey s
lrange b 0 -1
get s
rpush one x
lmove one one left right
lmove one one left left
rpoplpush one one
lrange one 0 -1
rpoplpush one two
exists one
rpush {t}1 a b c
rpoplpush {t}1 {t}2
lmove {t}1 {t}2 left right
lmove {t}2 {t}1 left right
lrange {t}1 0 -1
lrange {t}2 0 -1
expire {t}1 1000
lmove {t}2 {t}1 left right
ttl {t}1
lmove {t}1 {t}3 left right
ttl {t}1
ttl {t}3
""")

CASES["lmpop"] = case(f"""
rpush a 1 2 3 4 5
rpush b x y z
lmpop 1 a left
lmpop 2 a b right
lmpop 2 a b left count 2
lmpop 2 a b LEFT COUNT 2
lmpop 2 a b right count 2
lmpop 2 a b left count 100
lmpop 2 a b left count 100
exists a b
rpush a 1 2 3
lmpop 3 nokey a nokey2 right count 2
lmpop 1 a left count {MAX}
lmpop 2 a a left
lmpop 1 nokey left
lmpop 1 nokey left count 5
rpush a 1 2 3
lmpop 0 a left
lmpop -1 a left
lmpop x a left
lmpop 1.0 a left
lmpop {MAX} a left
lmpop {MAX}0 a left
lmpop 01 a left
lmpop 1 a up
lmpop 1 a
lmpop 2 a left
lmpop 2 a b
lmpop 3 a b left
lmpop 1 a b left
lmpop 1 a left count
lmpop 1 a left count 0
lmpop 1 a left count -1
lmpop 1 a left count x
lmpop 1 a left count 1 count 1
lmpop 1 a left count 1 nonsense
lmpop 1 a left nonsense
lmpop 1 a left nonsense 1
lmpop 1 a left count x nonsense
lmpop
lmpop 1
lmpop 1 left
lrange a 0 -1
set s v
lmpop 1 s left
lmpop 2 s a left
lmpop 2 a s left
lmpop 2 nokey s left
lmpop 2 nokey s up
lmpop 1 s left count 0
command getkeys lmpop 2 a b left
command getkeys lmpop 3 a b left
command getkeys lmpop x a b left
""")

CASES["other commands on lists"] = case("""
rpush a 1 2 3
get a
incr a
append a x
strlen a
getrange a 0 1
setbit a 1 1
mget a
setnx a x
type a
object encoding a
object refcount a
copy a b
rpush a 4
lrange b 0 -1
copy a b
copy a b replace
lrange b 0 -1
rename a c
lrange c 0 -1
move c 1
select 1
lrange c 0 -1
set c v
get c
lpush c x
scan 0 count 1000 type list
select 0
scan 0 count 1000 type list
keys *
del b
exists b
rpush d 1
getset d x
getdel d
getex d
expire d 100
ttl d
persist d
unlink d
exists d
rpush e 1 2
set e x get
set e x
get e
""")

CASES["watched lists"] = case("""
rpush a 1 2 3
watch a
lrem a 0 nope
linsert a before nope x
lset a 10 x
lpop a 0
llen a
multi
ping
exec
watch a
ltrim a 0 -1
multi
ping
exec
watch a
rpoplpush a a
multi
ping
exec
watch b
rpoplpush a b
multi
lrange a 0 -1
lrange b 0 -1
exec
multi
lpush c 1 2 3
lmove c d left right
lmpop 2 c d right count 5
lpop c
rpop nokey
lpush s
set s v
exec
multi
set s v
lpush s 1
lpush c 1
exec
lrange c 0 -1
""")

CASES["quicklist-packed-threshold"] = case("""
debug quicklist-packed-threshold 1b
debug quicklist-packed-threshold 3kb
debug quicklist-packed-threshold x
debug quicklist-packed-threshold -1
debug quicklist-packed-threshold 4gb
debug quicklist-packed-threshold 4293918720
debug quicklist-packed-threshold 4293918721
debug quicklist-packed-threshold ""
debug quicklist-packed-threshold
debug quicklist-packed-threshold 1 2
debug quicklist-packed-threshold 0
""")
CASES["huge values"] = [
    ["RPUSH", "h", "a", "x" * 100000, "b", "y" * 1000000],
    ["LPUSH", "h", "z" * 70000, "x" * 16384],
    ["LRANGE", "h", "0", "-1"],
    ["LPOS", "h", "y" * 1000000],
    ["LINSERT", "h", "AFTER", "x" * 100000, "w" * 40000],
    ["LSET", "h", "0", "v" * 300000],
    ["LSET", "h", "1", "small"],
    ["LSET", "h", "2", "u" * 16384],
    ["LMOVE", "h", "g", "LEFT", "RIGHT"],
    ["LMOVE", "h", "h", "RIGHT", "LEFT"],
    ["LRANGE", "h", "0", "-1"],
    ["LRANGE", "g", "0", "-1"],
    ["LREM", "h", "0", "w" * 40000],
    ["COPY", "h", "i"],
    ["DEL", "h"],
    ["LPOP", "i", "2"],
    ["RPOP", "i", "10"],
    ["RPOP", "g"],
]
