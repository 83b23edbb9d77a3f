"""Cases for a connection's own commands and CLIENT, to be sent to gyre-server and to redis-server, reply by reply.

Left out because a single connection cannot show it, or because a command has no reply, are the effects on other clients,
CLIENT REPLY, MONITOR, passwords and what 7.2 added: those are in test_client_commands.py.
"""
import shlex


def _case(text, *more):
    """One command a line, in the notation of a shell; `more` are commands given as lists."""
    return [shlex.split(line) for line in text.strip().splitlines() if line.strip()] + [list(command) for command in more]


CASES = {}

CASES["ping and echo"] = _case("""
ping
PING
pInG hello
ping ""
ping a b
echo
echo hello
echo ""
echo a b
""", ["ping", b"\x00\xff\r\n"], ["echo", b"\x00\xff\r\n"], ["ping", "x" * 600], ["echo", "y" * 20000])

CASES["auth without a password"] = _case("""
auth
auth secret
auth default secret
auth default ""
auth Default secret
auth nobody secret
auth default a b
auth a b c d
ping
""")

CASES["hello"] = _case("""
hello
hello 2
client trackinginfo
hello 3
client trackinginfo
client getname
hello
hello 1
hello 4
hello 0
hello -1
hello x
hello ""
hello 2.0
hello 99999999999999999999
hello 3 setname
hello 3 setname one
client getname
hello 2 SETNAME two
client getname
hello 3 auth
hello 3 auth default
hello 3 auth nobody secret
hello 3 auth default secret setname three
client getname
hello 2 auth nobody secret setname four
client getname
hello 2 setname "bad name"
hello 2 setname five setname "bad name"
hello 2 setname five auth nobody secret
client getname
hello 2 setname ""
client getname
hello 3 foo
hello 3 setname six foo
hello setname x
client getname
""")

CASES["hello keeps the protocol after an error"] = _case("""
hello 3
hello 2 foo
client getname
hello 2 auth nobody secret
client getname
hello 5
client getname
hello 2
client getname
""")

CASES["names"] = _case("""
client getname
client setname a
client getname
client setname a-much-longer-name:with/all.kinds_of{signs}
client getname
client setname "two words"
client getname
client setname ""
client getname
client setname
client setname a b
client getname a
CLIENT SetName x
client GETNAME
""", ["client", "setname", b"a\x00b"], ["client", "setname", b"line\n"], ["client", "setname", b"\xc3\xa4"],
    ["client", "setname", "~!"], ["client", "getname"], ["client", "setname", b"\x7f"], ["client", "getname"],
    ["client", "setname", "n" * 4000], ["client", "getname"])

CASES["reset"] = _case("""
hello 3
client setname a
select 3
set k v
client no-evict on
reset
client getname
get k
select 3
get k
reset
reset a
client trackinginfo
""")

CASES["client errors"] = _case("""
client
client foo
client foo bar baz
client help x
client id x
client info x
client getredir
client getredir x
client trackinginfo x
client no-evict
client no-evict maybe
client no-evict on
client no-evict OFF
client no-evict on on
client reply
client reply maybe
client reply on
client reply on on
client help
""", ["client", "a" * 200], ["client", b"f\x00o"], ["client", "f\r\no"])

CASES["client list"] = _case("""
client list
client info
client list type normal
client list type NORMAL
client list type master
client list type replica
client list type slave
client list type pubsub
client list type
client list type foo
client list type normal x
client list id
client list id x
client list id 999999
client list id -1 0 999999
client list id 999999 x
client list id 1.5
client list id 99999999999999999999
client list foo
client list foo bar
client list addr 1.2.3.4:5
""")

CASES["client kill"] = _case("""
client kill
client kill 1.2.3.4:5
client kill ""
client kill id
client kill id x
client kill id 0
client kill id -1
client kill id 1.5
client kill id 99999999999999999999
client kill id 9223372036854775807
client kill ID 999999
client kill id 999998 id 999999
client kill type
client kill type foo
client kill type master
client kill type replica
client kill type slave
client kill type pubsub
client kill addr
client kill addr 1.2.3.4:5
client kill laddr 1.2.3.4:5
client kill addr 1.2.3.4:5 laddr 1.2.3.4:5
client kill user nobody
client kill user default id 999999
client kill user Default
client kill skipme
client kill skipme maybe
client kill skipme yes id 999999
client kill SKIPME no ID 999999
client kill foo bar
client kill id 999999 foo
client kill id 999999 foo bar
client kill maxage 10
ping
""")

CASES["client unblock"] = _case("""
client unblock
client unblock x
client unblock 999999
client unblock 999999 timeout
client unblock 999999 ERROR
client unblock 999999 foo
client unblock x foo
client unblock 999999 timeout x
client UNBLOCK 999999 timeout x y
client unblock -1
client unblock 99999999999999999999
""")

CASES["client pause errors"] = _case("""
client pause
client pause x
client pause -1
client pause 1.5
client pause 99999999999999999999
client pause 10 foo
client pause x foo
client pause -1 write
client pause 10 write x
client PAUSE 10 foo bar
client unpause x
client pause 0
ping
client pause 0 ALL
client pause 0 write
set k v
client unpause
client unpause
""")

CASES["client pause write"] = _case("""
set k v
client pause 100000 WRITE
get k
exists k
ttl k
type k
dbsize
select 1
get k
ping
echo a
set
get
nonsense
client getname
client pause 10 write
client unpause
set k w
get k
""")

CASES["quit"] = _case("""
ping
quit
""")
CASES["quit with arguments"] = _case("""
QUIT a b c
""")
CASES["select"] = _case("""
select 1
reset
select 15
set k v
select 16
select -1
select x
select 1.0
select 99999999999
get k
del k
""")
