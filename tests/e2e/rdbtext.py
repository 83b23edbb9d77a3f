"""RDB bytes made by hand: payloads for RESTORE and whole files, in the encodings of every version, sound or damaged.

What no server here writes any more (ziplists, zipmaps, lists element by element) can only be made this way.
"""
import struct

VERSION = 10
POLYNOMIAL = 0x95AC9329AC4BC9B5


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ POLYNOMIAL if value & 1 else value >> 1
        table.append(value)
    return table


CRC_TABLE = _crc_table()


def crc64(data):
    crc = 0
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc


def payload(kind, body, version=VERSION):
    """What DUMP replies: type, value, footer."""
    data = bytes([kind]) + body + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


def file(records, version=VERSION):
    """A whole file with the end and the checksum."""
    data = b"REDIS%04d" % version + b"".join(records) + b"\xff"
    return data + struct.pack("<Q", crc64(data)) if version >= 5 else data


# ---- lengths and strings ----


def length(n, form=None):
    """form: 6, 14, 32 or 64 bits; None: the shortest."""
    form = form or (6 if n < 64 else 14 if n < 16384 else 32 if n < 1 << 32 else 64)
    return {
        6: lambda: bytes([n]),
        14: lambda: struct.pack(">H", 0x4000 | n),
        32: lambda: b"\x80" + struct.pack(">I", n),
        64: lambda: b"\x81" + struct.pack(">Q", n),
    }[form]()


def string(data, form=None):
    return length(len(data), form) + data


def integer(n):
    """A string that is an integer."""
    for kind, pack in enumerate("bhi"):
        try:
            return bytes([0xC0 | kind]) + struct.pack("<" + pack, n)
        except struct.error:
            continue
    return string(b"%d" % n)


def lzf(data, packed=None):
    """A compressed string; by literals alone unless `packed` says what it is compressed to."""
    if packed is None:
        parts = [data[at : at + 32] for at in range(0, len(data), 32)]
        packed = b"".join(bytes([len(part) - 1]) + part for part in parts)
    return b"\xc3" + length(len(packed)) + length(len(data)) + packed


def strings(items):
    return length(len(items)) + b"".join(map(string, items))


# ---- small sequences ----


def listpack_integer(n):
    if 0 <= n <= 127:
        return bytes([n])
    if -4096 <= n <= 4095:
        return struct.pack(">H", 0xC000 | n & 0x1FFF)
    for code, bits in ((0xF1, 16), (0xF2, 24), (0xF3, 32), (0xF4, 64)):
        if -(1 << bits - 1) <= n < 1 << bits - 1:
            return bytes([code]) + (n & (1 << bits) - 1).to_bytes(bits // 8, "little")
    raise ValueError(n)


def listpack_string(data):
    if len(data) < 64:
        return bytes([0x80 | len(data)]) + data
    if len(data) < 4096:
        return struct.pack(">H", 0xE000 | len(data)) + data
    return b"\xf0" + struct.pack("<I", len(data)) + data


def listpack_tail(n):
    groups = []
    while True:
        groups.insert(0, n & 127)
        n >>= 7
        if not n:
            break
    return bytes([groups[0]]) + bytes(group | 128 for group in groups[1:])


def is_integer(item):
    text = item.decode("latin1")
    try:
        return str(int(text)) == text and -(1 << 63) <= int(text) < 1 << 63
    except ValueError:
        return False


def listpack(items, count=None, integers=True):
    """integers=False: what spells an integer stays a string, which no server writes."""
    body = b""
    for item in items:
        element = listpack_integer(int(item)) if integers and is_integer(item) else listpack_string(item)
        body += element + listpack_tail(len(element))
    count = min(len(items), 65535) if count is None else count
    return struct.pack("<IH", 6 + len(body) + 1, count) + body + b"\xff"


def ziplist_element(item):
    if is_integer(item):
        n = int(item)
        if 0 <= n <= 12:
            return bytes([0xF1 + n])
        for code, bits in ((0xFE, 8), (0xC0, 16), (0xF0, 24), (0xD0, 32), (0xE0, 64)):
            if -(1 << bits - 1) <= n < 1 << bits - 1:
                return bytes([code]) + (n & (1 << bits) - 1).to_bytes(bits // 8, "little")
    if len(item) < 64:
        return bytes([len(item)]) + item
    if len(item) < 16384:
        return struct.pack(">H", 0x4000 | len(item)) + item
    return b"\x80" + struct.pack(">I", len(item)) + item


def ziplist(items, count=None, wide=False):
    """wide: the length of the element before takes five bytes everywhere."""
    body, before, last = b"", 0, 10
    for item in items:
        head = bytes([before]) if before < 254 and not wide else b"\xfe" + struct.pack("<I", before)
        element = head + ziplist_element(item)
        last, before = 10 + len(body), len(element)
        body += element
    count = min(len(items), 65535) if count is None else count
    return struct.pack("<IIH", 10 + len(body) + 1, last, count) + body + b"\xff"


def zipmap_length(n):
    return bytes([n]) if n < 254 else b"\xfe" + struct.pack("<I", n)


def zipmap(pairs, unused=0):
    body = b""
    for field, value in pairs:
        body += zipmap_length(len(field)) + field + zipmap_length(len(value)) + bytes([unused]) + value + b"?" * unused
    return bytes([min(len(pairs), 254)]) + body + b"\xff"


def intset(numbers, width=None):
    width = width or next(w for w in (2, 4, 8) if all(-(1 << 8 * w - 1) <= n < 1 << 8 * w - 1 for n in numbers))
    return struct.pack("<II", width, len(numbers)) + b"".join(n.to_bytes(width, "little", signed=True) for n in numbers)


# ---- values by type ----


def old_score(score):
    special = {"nan": b"\xfd", "inf": b"\xfe", "-inf": b"\xff"}
    text = b"%.17g" % score
    return special.get(str(score)) or bytes([len(text)]) + text


def flat(pairs):
    return [item for pair in pairs for item in pair]


def list_1(items):
    return payload(1, strings(items))


def list_ziplist(items, **more):
    return payload(10, string(ziplist(items, **more)))


def quicklist(nodes):
    return payload(14, length(len(nodes)) + b"".join(string(ziplist(node)) for node in nodes))


def quicklist_2(nodes):
    """Nodes: a list is a listpack, bytes are a plain node."""
    parts = [b"\x01" + string(node) if isinstance(node, bytes) else b"\x02" + string(listpack(node)) for node in nodes]
    return payload(18, length(len(nodes)) + b"".join(parts))


def set_2(items):
    return payload(2, strings(items))


def set_intset(numbers, width=None):
    return payload(11, string(intset(numbers, width)))


def set_listpack(items, version=11):
    return payload(20, string(listpack(items)), version)


def hash_4(pairs):
    return payload(4, length(len(pairs)) + b"".join(map(string, flat(pairs))))


def hash_zipmap(pairs, **more):
    return payload(9, string(zipmap(pairs, **more)))


def hash_ziplist(pairs, **more):
    return payload(13, string(ziplist(flat(pairs), **more)))


def hash_listpack(pairs, **more):
    return payload(16, string(listpack(flat(pairs), **more)))


def zset_3(pairs):
    """Pairs: member, score (a float)."""
    return payload(3, length(len(pairs)) + b"".join(string(member) + old_score(score) for member, score in pairs))


def zset_5(pairs):
    return payload(5, length(len(pairs)) + b"".join(string(member) + struct.pack("<d", score) for member, score in pairs))


def zset_ziplist(pairs, **more):
    """Pairs: member, score (as text)."""
    return payload(12, string(ziplist(flat(pairs), **more)))


def zset_listpack(pairs, **more):
    return payload(17, string(listpack(flat(pairs), **more)))
