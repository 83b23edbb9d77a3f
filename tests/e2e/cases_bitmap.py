"""Bits of strings: SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD, every option and every mistake."""
import random

from casetext import MAX, MIN, case

CASES = {}

CASES["setbit and getbit"] = case(f"""
setbit a 7 1
get a
object encoding a
setbit a 7 1
setbit a 7 0
get a
setbit a 100 1
strlen a
get a
getbit a 100
getbit a 101
getbit a 99999
getbit a 4294967295
getbit nokey 5
exists nokey
setbit zero 0 0
exists zero
strlen zero
setbit zero 7 0
setbit zero 8 0
strlen zero
set n 12345
getbit n 2
getbit n 3
getbit n 39
getbit n 40
object encoding n
setbit n 7 1
get n
object encoding n
set n 12345
setbit n 7 1
setbit n 7 1
object encoding n
incr n
set t hello ex 100
setbit t 1 0
ttl t
get t
object encoding t
setbit t 1000 1
ttl t
setbit a -1 1
setbit a 4294967296 1
setbit a 4294967295000 1
setbit a {MAX} 1
setbit a x 1
setbit a #1 1
setbit a 1.0 1
setbit a " 1" 1
setbit a "" 1
setbit a 01 1
setbit a 1 2
setbit a 1 -1
setbit a 1 x
setbit a 1 ""
setbit a 1 {MIN}
setbit a x x
setbit a 1
setbit a 1 1 1
setbit a
getbit a -1
getbit a 4294967296
getbit a x
getbit a #1
getbit a
getbit a 1 1
setbit nokey -1 1
setbit nokey 1 2
exists nokey
config set proto-max-bulk-len 1048576
setbit a 8388608 1
getbit a 8388608
setbit b 8388607 1
strlen b
config set proto-max-bulk-len 536870912
""", ["set", "big", "x" * 5000], ["setbit", "big", "39999", "1"], ["setbit", "big", "40000", "1"],
    ["strlen", "big"], ["getrange", "big", "4990", "-1"], ["setbit", "big", "3", "0"], ["getbit", "big", "3"],
    ["set", "edge", "y" * 1024], ["setbit", "edge", "8192", "0"], ["strlen", "edge"], ["getrange", "edge", "1020", "-1"])

_EDGES = f"0 1 2 3 5 8 9 15 16 17 30 -1 -2 -3 -8 -16 -17 -30 1000 -1000 {MAX} {MIN}".split()
_TEXTS = ["\x0f\xf0".encode("latin-1"), b"\xff\xff\xff", b"\0\0\0", b"\0\xff\0", b"\x80", b"\x01", b"", b"12345"]
CASES["bitcount"] = case("""
bitcount nokey
bitcount nokey 0
bitcount nokey x y
bitcount nokey 0 -1 nonsense
bitcount nokey 0 1 2 3
""") + [command for text in _TEXTS for command in [["set", "a", text], ["bitcount", "a"]] +
        [["bitcount", "a", start, end, *unit] for start in _EDGES for end in _EDGES
         for unit in ([], ["BIT"], ["byte"])]]

CASES["bitcount errors"] = case("""
set a foobar
bitcount a 0
bitcount a 0 x
bitcount a x 0
bitcount a 0 -1 nonsense
bitcount a -1 -2 nonsense
bitcount a 0 -1 BIT BIT
bitcount a x 0 nonsense
bitcount
bitcount a 9223372036854775808 0
bitcount a "" 0
bitcount a 0 -1 BITS
bitcount a 0 -1 ""
""")

_SEARCHED = _TEXTS + [b"\xff" * 40, b"\0" * 40, b"\xff" * 33 + b"\x7f" + b"\0" * 10, b"\0" * 37 + b"\x01"]
_FEW = f"0 1 2 7 8 9 17 38 40 -1 -2 -9 -30 1000 -1000 {MAX} {MIN}".split()
CASES["bitpos"] = [command for text in _SEARCHED for command in [["set", "a", text]] +
                   [["bitpos", "a", bit, *rest] for bit in "01" for rest in
                    [[]] + [[start] for start in _FEW] + [[start, end, *unit] for start in _FEW for end in _FEW
                                                          for unit in ([], ["bit"], ["BYTE"])]]]

CASES["bitpos errors"] = case("""
bitpos nokey 0
bitpos nokey 1
bitpos nokey 2
bitpos nokey x
bitpos nokey 0 x y z
bitpos nokey 1 5
bitpos nokey 1 0 -1 nonsense more
set a foobar
bitpos a
bitpos a 2
bitpos a -1
bitpos a x
bitpos a 0 x
bitpos a 0 0 x
bitpos a 0 0 -1 nonsense
bitpos a 0 x -1 nonsense
bitpos a 0 0 x nonsense
bitpos a 0 0 x BIT
bitpos a 0 0 -1 BIT more
bitpos a 0 0 -1 BIT more more
bitpos a 0 x -1 BIT more
bitpos a "" 0
bitpos a 1 ""
bitpos a 1 9223372036854775808
""")

CASES["bitop"] = case("""
bitop and d nokey
exists d
set d gone
bitop and d nokey
exists d
bitop not d nokey
bitop xor d nokey nokey2
set a foobar
set b abcdefghij
set n 12345
set e ""
bitop and d a b
get d
object encoding d
bitop or d a b
get d
bitop xor d a b
get d
bitop not d a
get d
bitop NOT d n
get d
bitop And d a
get d
object encoding d
bitop or d n
get d
object encoding d
bitop and d a nokey b
get d
bitop or d a nokey b n
get d
bitop xor d nokey a
get d
bitop xor d a a
get d
bitop and d e a
get d
bitop or d e
exists d
set d old ex 100
bitop or d a
ttl d
bitop or a a b
get a
bitop xor b b b
get b
bitop not n n
get n
object encoding n
bitop not d a b
bitop not d
bitop nand d a b
bitop "" d a b
bitop and d
bitop and
bitop
""")
CASES["bitop long"] = [
    command for seed in range(4) for command in
    [["set", f"k{i}", random.Random(seed * 10 + i).randbytes(length)]
     for i, length in enumerate((1024, 1025, 16384, 40000, 5, 0, 33000))] +
    [[*words.split(), *[f"k{(seed + i) % 7}" for i in range(count)]] for words in ("bitop and d", "bitop or d", "bitop xor d")
     for count in (1, 2, 3, 7)] + [["get", "d"], ["bitop", "not", "d", "k3"], ["get", "d"], ["bitop", "xor", "k3", "k3", "d"],
                                   ["bitcount", "k3"], ["bitpos", "k3", "0"], ["bitcount", "d", "3", "-5"],
                                   ["bitcount", "d", "1000", "-77", "bit"], ["bitpos", "d", "1", "12345", "-1", "bit"]]]

CASES["bitfield"] = case(f"""
bitfield nokey
exists nokey
bitfield nokey get u8 0
bitfield nokey get i64 100 get u63 #5
exists nokey
bitfield a set u8 0 255
get a
object encoding a
bitfield a set i8 0 -128 get i8 0 get u8 0
bitfield a incrby u4 #1 3 incrby u4 #1 13 get u4 4
bitfield a set i64 3 {MIN} get i64 3
bitfield a set u63 3 {MAX} get u63 3
bitfield a set u63 3 -1 get u63 3
strlen a
bitfield a overflow sat set u63 3 -1
bitfield a overflow fail set u8 0 256
bitfield a overflow fail set u8 0 -1
bitfield a overflow fail set i8 0 128 set i8 0 127 set i8 0 -129 set i8 0 -128 get i8 0
bitfield a overflow sat set i8 0 1000 get i8 0 set i8 0 -1000 get i8 0
bitfield a overflow wrap set i8 0 1000 get i8 0 set i8 0 -1000 get i8 0
bitfield a set i64 0 {MAX} overflow wrap incrby i64 0 1 overflow sat incrby i64 0 -1 incrby i64 0 {MIN} overflow fail incrby i64 0 -1
bitfield a set u63 0 {MAX} overflow wrap incrby u63 0 1 overflow sat incrby u63 0 -1 incrby u63 0 {MAX} incrby u63 0 1 overflow fail incrby u63 0 1
bitfield a overflow fail incrby u8 0 1 overflow sat overflow wrap incrby u8 0 255
bitfield a incrby i5 100 1 get u4 0
bitfield a set u1 #100000 1 get u1 #100000 get u1 #99999
strlen a
set t 12345 ex 100
bitfield t get u8 0
object encoding t
bitfield t incrby u8 0 1
object encoding t
ttl t
get t
bitfield t overflow fail set u8 1000 300
strlen t
bitfield low overflow sat set i63 0 {MIN} get i63 0 set i8 100 {MIN} get i8 100 set i8 100 -9223372036854775680 get i8 100
bitfield low overflow sat set i8 100 -9223372036854775681 get i8 100 incrby i63 0 {MIN} get i63 0
bitfield fresh overflow fail set u8 1000 300
strlen fresh
object encoding fresh
bitfield same set u8 0 0
strlen same
bitfield order set u8 0 1 get u8 0 set u8 0 2 get u8 0 set u8 8 3 get u16 0
bitfield cross set u32 5 4294967295 get u3 4 get u40 0 set i33 3 -4294967296 get i33 3 get i64 0
""", ["set", "big", "z" * 3000], ["bitfield", "big", "set", "u63", "23990", "1234567890123", "get", "u63", "23990"],
    ["getrange", "big", "2990", "-1"], ["bitfield", "big", "get", "i64", "23990", "get", "u20", "24050"])

CASES["bitfield keys"] = case("""
command getkeysandflags bitfield k
command getkeysandflags bitfield k get u8 0 get u8 1
command getkeysandflags bitfield k overflow sat get u8 0
command getkeysandflags bitfield k get u8 0 set u8 0 1
command getkeysandflags bitfield k get u8 0 incrby u8 0 1
command getkeysandflags bitfield k get u8
command getkeysandflags bitfield k nonsense
command getkeysandflags bitfield_ro k get u8 0
command getkeysandflags bitop and a b c
command getkeys bitop and a b c
command getkeys bitop not a b
command getkeysandflags setbit k 1 1
command getkeysandflags bitcount k
""")

CASES["bitfield errors"] = case(f"""
set a foobar
bitfield
bitfield a get
bitfield a get u8
bitfield a nonsense u8 0
bitfield a set u8 0
bitfield a incrby u8 0
bitfield a get u8 0 set u8 0
bitfield a get u64 0
bitfield a get i65 0
bitfield a get u0 0
bitfield a get i0 0
bitfield a get x8 0
bitfield a get 8 0
bitfield a get u 0
bitfield a get "" 0
bitfield a get u-1 0
bitfield a get u08 0
bitfield a get U8 0
bitfield a get u8 -1
bitfield a get u8 x
bitfield a get u8 #
bitfield a get u8 #-1
bitfield a get u8 #x
bitfield a get u8 ##1
bitfield a get u8 ""
bitfield a get u8 4294967295
bitfield a get u8 4294967296
bitfield a get u8 #536870911
bitfield a get u8 #536870912
bitfield a set u8 0 x
bitfield a set u8 0 {MAX}0
bitfield a set u8 0 ""
bitfield a incrby u8 0 1.5
bitfield a overflow
bitfield a overflow nonsense
bitfield a overflow nonsense get u8 0
bitfield a overflow sat
bitfield a overflow sat nonsense
bitfield a get u8 0 overflow
bitfield a set u8 0 1 get u64 0
get a
bitfield_ro a get u8 0 get i16 #1
bitfield_ro a
bitfield_ro nokey get u8 0
bitfield_ro a set u8 0 1
bitfield_ro a incrby u8 0 1
bitfield_ro a get u8 0 set u8 0 x
bitfield_ro a get u8 0 set u8 0 1
bitfield_ro a overflow sat get u8 0
bitfield_ro a overflow sat
bitfield_ro a get u8
bitfield_ro
get a
""")
