/* help.c: the help page, on one screen. */
#include "bench/flags.h"

#include <stdio.h>

static const char TEXT[] =
    "gyre-bench: load generator for any server that speaks the Redis protocol\n"
    "\n"
    "  gyre-bench [OPTIONS] [COMMAND WORD...]     with nothing given: fill, warm up, and 8 s of --workload "
    "cache\n"
    "  gyre-bench compare HOST:PORT HOST:PORT     the same load on two servers in turn (--rounds 5 --pid A "
    "--pid B)\n"
    "  gyre-bench lag --primary HOST:PORT --replica HOST:PORT,...   how long until replicas show a write "
    "(--rate 1000)\n"
    "\n"
    "Server   -h HOST  -p PORT  -s SOCKET  -a PASSWORD  --user NAME  --dbnum N  --databases N (clients "
    "spread over N)\n"
    "         -3 (RESP3)  --read-from HOST:PORT,...  send what only reads to these replicas\n"
    "Load     -c CLIENTS (50)  -P PIPELINE (1)  --threads N  --cpus LIST  -n REQUESTS  or  --duration 10s\n"
    "         --rate N   open loop: N requests a second, timed from when each should have been sent\n"
    "         --arrivals even|poisson  --warm-up 1s (not counted)  --drain 10s (how long to wait for last "
    "replies)\n"
    "What     --workload cache|session|counter|leaderboard|queue|mixed\n"
    "         --mix get=90,set=10             commands by name, with weights\n"
    "         --command \"ZADD lb __score__ __key__\" [--command-ratio N]    any command; may be repeated\n"
    "         -t ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset,xadd|all\n"
    "         placeholders: __key__ __id__ __data__ __rand_int__ __seq__ __field__ __score__ __ttl__ "
    "__time__;\n"
    "         __key__*10 or __key__,__data__*10 repeats\n"
    "Keys     -r KEYS (100000)  --distribution uniform|zipf:0.99|sequential|hotset:0.1,0.9  --key-prefix "
    "key:\n"
    "         --hash-tags N  --fields N  --seed N\n"
    "Values   -d SIZE: 100, 10-1000, or weighted 64:80,1000-4000:20   --ttl SECONDS (the same forms)\n"
    "         --fill (write every key first)  --fill-only  --verify (check the values that are read)\n"
    "Output   -q  --csv  --json  --html FILE  (the live line goes to standard error)\n"
    "\n"
    "Examples\n"
    "  gyre-bench -p 7000 --fill -r 1m -d 100-1000 --mix get=80,set=20 --distribution zipf --duration 30s\n"
    "  gyre-bench --rate 50k --duration 60s --workload session --html report.html\n"
    "  gyre-bench -t set,get -n 1m -P 16 -q\n"
    "  gyre-bench compare :6379 :7000 --workload cache --pid 1234 --pid 1240\n"
    "\n"
    "Exit status: 0 the run was clean, 1 it was not (errors, lost connections, wrong replies), 2 wrong "
    "options,\n"
    "130 interrupted.\n";

void help_print(void) {
    fputs(TEXT, stdout);
}
