"""Cases for the operator's commands (INFO, SLOWLOG, LATENCY, MEMORY, DEBUG, TIME, LOLWUT, SHUTDOWN's refusals), to be sent to
gyre-server and to redis-server, reply by reply.

What they say of themselves cannot be equal; how they answer, what they refuse and with which words can. What is left out here
(values, crashes, the end of the server) is in test_info.py, test_slowlog.py, test_latency.py and test_debug.py.
"""
import shlex


def _case(text, *more):
    """One command a line, in the notation of a shell; `more` are commands given as lists."""
    return [shlex.split(line) for line in text.strip().splitlines() if line.strip()] + [list(command) for command in more]


CASES = {}

CASES["info"] = _case("""
info nonsense
info modules
INFO MODULES
info modules foo bar
info cluster
info cluster modules
info modules cluster
info cluster CLUSTER Cluster
info ""
info
info all
info everything
info default
info server clients
""")

CASES["slowlog"] = _case("""
slowlog
slowlog nonsense
slowlog get
slowlog get 5
slowlog get -1
slowlog get 0
slowlog get -2
slowlog get x
slowlog get 1.5
slowlog get 99999999999999999999
slowlog get 1 2
slowlog GeT 1 2
slowlog len
slowlog len x
slowlog reset
slowlog reset x
slowlog help
slowlog help x
""")

CASES["latency"] = _case("""
latency
latency nonsense
latency reset
latency reset command nonsense
latency latest
latency latest x
latency history
latency history nonsense
latency history a b
latency graph
latency graph nonsense
latency doctor
latency doctor x
latency histogram nonsense
latency histogram non|sense
latency histogram memory|malloc-stats
latency help
latency help x
""")

CASES["memory"] = _case("""
set a 1
set b hello
memory
memory nonsense
memory usage
memory usage a
memory usage b
memory usage missing
memory usage a samples
memory usage a samples 0
memory usage a samples 5
memory usage a SAMPLES 5 samples 6
memory usage a samples x
memory usage a samples -1
memory usage missing samples -1
memory usage a b
memory usage a b c
memory usage a samples 1 b
memory stats
memory stats x
memory purge
memory purge x
memory doctor
memory doctor x
memory malloc-stats x
memory help
memory help x
""")

CASES["time, lolwut"] = _case("""
time
time x
lolwut
lolwut nonsense
lolwut 5
lolwut version
lolwut version 5
lolwut version x
lolwut version 6 x
lolwut version 99999999999999999999
""")

CASES["shutdown refused"] = _case("""
shutdown nonsense
shutdown nosave save
shutdown save nosave now
shutdown abort
shutdown abort now
shutdown abort nosave
shutdown now force abort
shutdown nosave now force nonsense
ping
""")

CASES["debug: wrong uses"] = _case("""
debug
debug nonsense
debug sleep
debug sleep 0 0
debug sleep x
debug SLEEP 0
debug object
debug object missing
debug object missing x
debug set-active-expire
debug set-active-expire 0
debug set-active-expire x
debug set-active-expire 2
debug set-active-expire 1
debug htstats
debug htstats 0
debug htstats 0 nonsense
debug htstats 15
debug htstats 16
debug htstats -1
debug htstats x
debug htstats-key
debug htstats-key missing
debug digest x
debug digest-value
debug digest-value missing
debug digest-value missing missing
debug error
debug error "ERR some text"
debug error FOO
debug error a b
debug log
debug log hello
debug log a b
debug change-repl-id
debug change-repl-id x
debug help
""", ["debug", "error", "one\r\ntwo\n"], ["debug", "x" * 200])

CASES["debug: one key"] = _case("""
set a 1
set b hello
debug object a
debug object b
debug htstats-key a
debug htstats-key b
select 3
debug object a
""")

CASES["debug populate"] = _case("""
debug populate
debug populate x
debug populate -1
debug populate 1 a x
debug populate 1 a -1
debug populate 1 a 1 x
debug populate 0
dbsize
debug populate 3
dbsize
get key:0
get key:2
get key:3
debug populate 3 p 10
strlen p:1
get p:1
set s:0 mine
debug populate 2 s 3
get s:0
get s:1
select 2
debug populate 2 "" 0
get :1
object encoding :1
dbsize
""")

CASES["debug protocol"] = _case("""
debug protocol
debug protocol nonsense
debug protocol string x
debug protocol string
debug protocol integer
debug protocol double
debug protocol bignum
debug protocol null
debug protocol array
debug protocol set
debug protocol map
debug protocol attrib
debug protocol push
debug protocol verbatim
debug protocol true
debug protocol FALSE
ping
""")

CASES["command getkeysandflags"] = _case("""
command getkeysandflags set k v
command getkeysandflags set k v ex 10
command getkeysandflags set k v get
command getkeysandflags set k v nx Get
command getkeysandflags set get get
command getkeysandflags set get
command getkeysandflags getset k v
command getkeysandflags mset a 1 b 2
command getkeysandflags get k
command getkeysandflags ping x
command getkeysandflags nosuch k
""")

CASES["line ends in errors"] = _case("set k v", ["expire", "k", "10", "abc\r\n"],
                                     ["expire", "k", "10", "\r\nabc\r\nd\n\n"], ["expire", "k", "10", "\n"],
                                     ["hello", "3", "abc\n"])

# Which option a number belongs to has an effect only later, so it is enough that the answers are the same.
CASES["options of what is watched"] = _case("""
config set latency-monitor-threshold 100
config get latency-monitor-threshold
config set latency-monitor-threshold -1
config set latency-monitor-threshold 0
config set slowlog-max-len -1
config set slowlog-max-len 128
config set slowlog-log-slower-than -2
config set slowlog-log-slower-than 10000
config set latency-tracking maybe
config set latency-tracking-info-percentiles "101"
config set latency-tracking-info-percentiles "50 x"
config get latency-tracking-info-percentiles
config resetstat
config resetstat x
""")
