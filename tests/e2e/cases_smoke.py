"""Cases that show what a case looks like, and the first to fail when the comparison itself is broken."""
CASES = {
    "set_and_get": [["SET", "k", "v"], ["GET", "k"], ["GET", "missing"], ["DEL", "k", "missing"], ["EXISTS", "k"]],
    "errors": [["nonsense"], ["GET"], ["SET", "k"], ["INCR", "k", "k"], ["SET", "k", "x"], ["INCR", "k"]],
}
