#!/usr/bin/env python3
"""A second verifier of journals, written from docs/journal-format.md and not from the Rust code.

    verify.py audit PATH [DIGEST_FILE ...]   a folder of segment files, an export folder, or one slot
    verify.py proof FILE ...                 structs with digest, proof, and a revision or a block
    verify.py lines FILE                     one such struct a line, each with `expect: true` or `false`

Plain Python 3, nothing to install. Exit code 0: all holds; 1: something does not; 2: unusable input.
"""
import base64, collections, datetime, functools, hashlib, os, pathlib, re, struct, sys

class Bad(Exception):
    """Input that is not what it should be."""
UNUSABLE = (Bad, OSError, ValueError, LookupError, AttributeError, TypeError, struct.error)
def need(condition, otherwise):
    if not condition:
        raise Bad(otherwise)

# ---------------------------------------------------------------- Ion values and Ion Hash
# `tq` and `rep` are what Ion Hash takes in of a scalar; `content` is what Python makes of it.
Value = collections.namedtuple("Value", "type tq rep content ann", defaults=(b"", None, ()))
TYPES = "null bool int int float decimal timestamp symbol string clob blob list sexp struct".split()
NULL = Value("null", 0x0F)
def string(text): return Value("string", 0x80, text.encode(), text)
def blob(data): return Value("blob", 0xA0, data, data)
def uint(n): return Value("int", 0x20, n.to_bytes((n.bit_length() + 7) // 8, "big"), n)
def items(values): return Value("list", 0xB0, b"", values)
def fields(*pairs): return Value("struct", 0xD0, b"", [pair for pair in pairs if pair[1] is not None])
def boolean(b): return Value("bool", 0x11 if b else 0x10, b"", b)
def symbol(text): return Value("symbol", 0x71) if text is None else Value("symbol", 0x70, text.encode(), text)
def get(value, name):
    """The first field of this name; JSON of SDKs spells names with a capital."""
    if value is None or value.type != "struct":
        return None
    return next((v for n, v in value.content or [] if n is not None and n.lower() == name.lower()), None)
def content(value, *path):
    for name in path:
        value = get(value, name)
    need(value is not None, "there is no " + ".".join(path))
    return value.content
def signed_magnitude(n, negative):
    data = n.to_bytes(n.bit_length() // 8 + 1, "big") if n or negative else b""  # room for the sign bit
    return bytes([data[0] | 0x80]) + data[1:] if negative else data
def var_uint(n):
    out = [0x80 | n & 0x7F]
    while n := n >> 7:
        out.insert(0, n & 0x7F)
    return bytes(out)
def var_int(n):
    size, out = abs(n), []
    while size > 0x3F:
        out.insert(0, size & 0x7F)
        size >>= 7
    out.insert(0, size | (0x40 if n < 0 else 0))
    return bytes(out[:-1]) + bytes([out[-1] | 0x80])
def decimal(coefficient, exponent, negative):
    zero = coefficient == 0 and exponent == 0 and not negative
    return Value("decimal", 0x50, b"" if zero else var_int(exponent) + signed_magnitude(coefficient, negative))
def time(millis):
    t = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=millis)
    rep = b"\x80" + var_uint(t.year) + bytes(0x80 | p for p in (t.month, t.day, t.hour, t.minute, t.second))
    return Value("timestamp", 0x60, rep + b"\xC3" + signed_magnitude(millis % 1000, False), millis)
def sha(data): return hashlib.sha256(data).digest()
def escape(data): return re.sub(rb"[\x0B\x0C\x0E]", lambda marker: b"\x0C" + marker.group(), data)
def ion_hash(value): return sha(serialize(value))
def serialize(v):
    if v.ann:
        inside = b"".join(serialize(symbol(a)) for a in v.ann) + serialize(v._replace(ann=()))
        return b"\x0B\xE0" + inside + b"\x0E"
    inside = escape(v.rep)
    if v.type in ("list", "sexp") and v.content is not None:
        inside = b"".join(map(serialize, v.content))
    elif v.type == "struct" and v.content is not None:
        inside = b"".join(escape(d) for d in sorted(sha(serialize(symbol(n)) + serialize(f)) for n, f in v.content))
    return b"\x0B" + bytes([v.tq]) + inside + b"\x0E"

# ---------------------------------------------------------------- Ion binary
SYSTEM = [None, "$ion", "$ion_1_0", "$ion_symbol_table", "name", "version", "imports", "symbols", "max_id",
          "$ion_shared_symbol_table"]
MARKER = b"\xE0\x01\x00\xEA"
def read_binary(data):
    symbols, at = list(SYSTEM), 0
    while at < len(data):
        if data[at:at + 4] == MARKER:
            symbols, at = list(SYSTEM), at + 4
            continue
        value, at = binary_value(data, at, symbols, 0)
        if value is not None and value.ann[:1] == ("$ion_symbol_table",) and value.type == "struct":
            imports, new = get(value, "imports") or NULL, get(value, "symbols") or items([])
            kept = symbols if imports.content == "$ion_symbol_table" else list(SYSTEM)
            symbols = kept + [symbol.content for symbol in new.content]
        elif value is not None:
            yield value
def read_var_uint(data, at):
    n = 0
    while True:
        n, at = n << 7 | data[at] & 0x7F, at + 1
        if data[at - 1] & 0x80:
            return n, at
def binary_value(data, at, symbols, depth):
    code, low, at = data[at] >> 4, data[at] & 15, at + 1
    need(code != 15 and depth <= 130, "no Ion binary")
    if code == 1 and low < 2:
        return boolean(low == 1), at
    if low == 15 and code != 14:
        return Value(TYPES[code], code << 4 | 15), at
    length = low
    if low == 14 or (code == 13 and low == 1):
        length, at = read_var_uint(data, at)
    end = at + length
    need(end <= len(data), "a value goes beyond its end")
    body = bytes(data[at:end])
    if code == 0:
        return None, end
    if code == 14:
        size, at = read_var_uint(data, at)
        stop, names = at + size, []
        while at < stop:
            sid, at = read_var_uint(data, at)
            names.append(symbols[sid])
        value, _ = binary_value(data, at, symbols, depth + 1)
        return value._replace(ann=tuple(names)), end
    if code in (11, 12, 13):
        inside, name = [], None
        while at < end:
            if code == 13:
                name, at = read_var_uint(data, at)
            value, at = binary_value(data, at, symbols, depth + 1)
            if value is not None:
                inside.append((symbols[name], value) if code == 13 else value)
        return Value(TYPES[code], code << 4, b"", inside), end
    if code == 7:
        return symbol(symbols[int.from_bytes(body, "big")]), end
    if code == 4 and length == 4:
        body = struct.pack(">d", *struct.unpack(">f", body))
    number = int.from_bytes(body, "big")
    seen = {2: number, 3: -number}.get(code, body.decode() if code == 8 else body)
    return Value(TYPES[code], code << 4, body, seen), end

# ---------------------------------------------------------------- Ion text, and with it JSON
STRING, LONG = r'"(?:[^"\\]|\\.)*"', r"'''(?:[^\\]|\\.)*?'''"
TOKEN = re.compile(r"(?P<blank>\s+|//[^\n]*|/\*.*?\*/)|(?P<clob>\{\{\s*(?:" + STRING + r"\s*|(?:" + LONG + r"\s*)+)\}\})"
    r"|(?P<blob>\{\{[A-Za-z0-9+/=\s]*\}\})|(?P<mark>::|[\[\](){},:])"
    "|(?P<long>" + LONG + r")|(?P<quoted>'(?:[^'\\]|\\.)*')|(?P<string>" + STRING + ")"
    r"|(?P<number>[-+]inf\b|-?\d[\w.]*(?:[-+:][\d:.]+)*(?:[TZ][\d:.]*(?:Z|[-+]\d\d:\d\d)?)?)"
    r"|(?P<word>[A-Za-z_$][\w$]*(?:\.[a-z]+)?)|(?P<operator>[!#%&*+\-./;<=>?@^`|~]+)", re.S)
ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "v": "\v", "\n": ""}
def unescape(text):
    def one(m): return chr(int(m.group(1)[1:], 16)) if m.group(1) else ESCAPES.get(m.group(2), m.group(2))
    text = re.sub(r"\\(?:(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|(.))", one, text, flags=re.S)
    return text.encode("utf-16", "surrogatepass").decode("utf-16")
def read_text(text):
    tokens, at = [], 0
    while at < len(text):
        m = TOKEN.match(text, at)
        need(m, "unexpected %r at %d" % (text[at], at))
        at = m.end()
        if m.lastgroup != "blank":
            tokens.append((m.lastgroup, m.group()))
    at = 0
    while at < len(tokens):
        value, at = text_value(tokens + [("end", "")], at, 0)
        yield value
def text_value(tokens, at, depth):
    (kind, token), at = tokens[at], at + 1
    need(depth <= 130, "nested too deep")
    if kind in ("word", "quoted") and tokens[at][1] == "::":
        value, end = text_value(tokens, at + 1, depth)
        return value._replace(ann=(token if kind == "word" else unescape(token[1:-1]),) + value.ann), end
    while kind == tokens[at][0] == "long":
        token, at = token[:-3] + tokens[at][1][3:], at + 1
    if token in ("[", "(", "{") and kind == "mark":
        return container(tokens, at, token, depth + 1)
    if kind == "blob":
        return blob(base64.b64decode("".join(token[2:-2].split()), validate=True)), at
    if kind == "clob":
        pieces = re.findall("(" + LONG + ")|(" + STRING + ")", token, re.S)
        data = "".join(unescape(a[3:-3] or b[1:-1]) for a, b in pieces).encode("latin-1")
        return Value("clob", 0x90, data, data), at
    inside = unescape(token[3:-3] if kind == "long" else token[1:-1]) if kind in ("string", "long", "quoted") else token
    make = {"string": string, "long": string, "quoted": symbol, "word": word, "number": number, "operator": symbol}
    need(kind in make, "unexpected %r" % token)
    return make[kind](inside), at
def container(tokens, at, opening, depth):
    closing, inside = {"[": "]", "(": ")", "{": "}"}[opening], []
    while tokens[at][1] != closing:
        name = None
        if opening == "{":
            (kind, name), at = tokens[at], at + 2
            name = {"quoted": unescape(name[1:-1]), "string": unescape(name[1:-1]), "word": name}.get(kind)
            need(name is not None and tokens[at - 1][1] == ":", "a field without a name")
        value, at = text_value(tokens, at, depth)
        inside.append((name, value) if opening == "{" else value)
        at += opening != "(" and tokens[at][1] == ","
    return Value(*{"[": ("list", 0xB0), "(": ("sexp", 0xC0), "{": ("struct", 0xD0)}[opening], b"", inside), at + 1
def word(token):
    if token.split(".")[0] == "null":
        name = token[5:] or "null"
        return Value(name, TYPES.index(name) << 4 | 15)
    known = {"true": boolean(True), "false": boolean(False), "nan": Value("float", 0x40, b"\x7f\xf8" + bytes(6))}
    return known.get(token) or symbol(token)
def number(token):
    if re.match(r"\d{4}[-T]", token):
        return timestamp(token)
    plain, negative = token.replace("_", "").lower(), token.startswith("-")
    digits = plain.lstrip("-")
    if re.fullmatch(r"\d+|0x[0-9a-f]+|0b[01]+", digits):
        n = int(digits, 0) if digits[:2] in ("0x", "0b") else int(digits)
        return Value("int", 0x30 if negative and n else 0x20, uint(n).rep, -n if negative else n)
    if "e" in plain or "inf" in plain:
        return Value("float", 0x40, struct.pack(">d", float(plain)) if str(float(plain)) != "0.0" else b"")
    mantissa, _, exponent = digits.partition("d")
    whole, _, fraction = mantissa.partition(".")
    return decimal(int(whole + fraction), int(exponent or 0) - len(fraction), negative)
def timestamp(token):
    m = re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?T?(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[-+]\d\d:\d\d))?", token)
    need(m, "no timestamp: " + token)
    year, month, day, hour, minute, second, fraction, zone = m.groups()
    if hour is None:
        rep = b"\xC0" + var_uint(int(year)) + b"".join(var_uint(int(p)) for p in (month, day) if p)
        return Value("timestamp", 0x60, rep, token)
    offset = 0 if zone == "Z" else (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 60 + int(zone[4:]))
    t = datetime.datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0))
    t -= datetime.timedelta(minutes=offset)
    rep = (b"\xC0" if zone == "-00:00" else var_int(offset)) + var_uint(t.year)
    rep += bytes(0x80 | part for part in (t.month, t.day, t.hour, t.minute) + ((t.second,) if second else ()))
    rep += var_int(-len(fraction)) + signed_magnitude(int(fraction), False) if fraction else b""
    return Value("timestamp", 0x60, rep, token)
def read_values(data):
    return list(read_binary(data) if data[:4] == MARKER else read_text(data.decode("utf-8-sig")))

# ---------------------------------------------------------------- hashes (section 1) and proofs (section 2)
def dot(a, b):
    order = lambda h: [byte - 256 if byte > 127 else byte for byte in reversed(h)]
    return sha(a + b) if order(a) <= order(b) else sha(b + a)
def join(a, b): return dot(a, b) if a and b else a or b
def root(level):
    while len(level) > 1:
        level = [join(level[i], level[i + 1] if i + 1 < len(level) else b"") for i in range(0, len(level), 2)]
    return level[0] if level else b""
def fold(start, nodes): return functools.reduce(join, nodes, start)
def path_length(block, tip): return sum(1 for h in range(64) if tip >> h and (block >> h) ^ 1 <= tip >> h)
def push(frontier, size, leaf):
    while size & 1:
        leaf, size = dot(frontier.pop(), leaf), size >> 1
    frontier.append(leaf)
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
def id_text(data):
    halves = (int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big"))
    return "".join(DIGITS[half // 62 ** place % 62] for half in halves for place in range(10, -1, -1))
def address(strand, number): return fields(("strandId", string(strand)), ("sequenceNo", uint(number)))
def entry_0(strand, number, transaction, timestamp):
    return ion_hash(fields(("blockAddress", address(strand, number)), ("transactionId", string(transaction)),
                           ("blockTimestamp", timestamp)))
def entry_2(changes):
    return ion_hash(fields(("formatVersion", string("pre-1")), ("stateRoot", NULL), ("catalogue", items(changes))))

# ---------------------------------------------------------------- frames (sections 3 to 6)
TABLE = list(range(256))
for _ in range(8):
    TABLE = [c >> 1 ^ (0x82F63B78 if c & 1 else 0) for c in TABLE]
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF

class Frame:
    def __init__(self, data, at=0):
        self.data, self.at = data, at
    def take(self, n):
        self.at += n
        need(self.at <= len(self.data), "the bytes end too early")
        return self.data[self.at - n:self.at]
    def uint(self, size): return int.from_bytes(self.take(size), "little")
    def time(self): return int.from_bytes(self.take(8), "little", signed=True)
    def id(self): return id_text(self.take(16))
    def counted(self): return self.take(self.uint(4))
    def expect(self, data, what):
        need(self.take(len(data)) == data, what)
def region_end(data, start, length_at):
    region = data[start:start + Frame(data, length_at).uint(4)]
    need(len(region) >= 8 and crc32c(region[:-4]) == int.from_bytes(region[-4:], "little"), "a checksum does not match")
    return start + len(region)
def one(data):
    values = list(read_binary(data))
    need(len(values) == 1, "one Ion value was expected")
    return values[0]

# What an audit needs of a block: its place, its hash and the one before, and what does not hold in it.
Block = collections.namedtuple("Block", "number strand before hash bad tx", defaults=(None,))
def read_block(data):
    f = Frame(data)
    f.expect(b"EVBpre-1", "this is no block of version pre-1")
    (kind, flags), _, frame_end = f.take(2), f.expect(b"\0\0", "reserved bytes"), region_end(data, 0, 12)
    end = region_end(data, frame_end, frame_end)
    f.take(4)
    number, strand, millis, before, stored = f.uint(8), f.id(), f.time(), f.take(32), f.take(32)
    before = b"" if before == bytes(32) else before
    d, bad = Frame(data, frame_end + 4), []
    if kind == 3:
        block = check_shape(one(d.counted()), None)
        if block[:4] != (number, strand, before, stored):
            block.bad.append("the frame of a foreign block disagrees with its value")
        return block, end
    tx, tx_time = f.id(), f.time()
    counts, statements, documents, hashes, redacted = [f.uint(4) for _ in range(4)], [], [], [], []
    for _ in range(counts[0]):
        start, digest, text = f.time(), f.take(32), f.counted().decode()
        statements.append(fields(("statement", string(text)), ("startTime", time(start)), ("statementDigest", blob(digest))))
    changes = [one(f.counted()) for _ in range(counts[1])]
    tables = [(f.id(), f.counted().decode()) for _ in range(counts[2])]
    for _ in range(counts[3]):
        document, version, stored_hash, (table, name) = f.id(), f.uint(8), f.take(32), tables[f.uint(4)]
        touched = items([uint(f.uint(4)) for _ in range(f.uint(4))])
        documents.append((document, fields(("tableName", string(name)), ("tableId", string(table)), ("statements", touched))))
        metadata = fields(("id", string(document)), ("version", uint(version)), ("txTime", time(tx_time)), ("txId", string(tx)))
        form = d.uint(1)
        data_hash = {1: lambda: ion_hash(one(d.counted())), 2: lambda: b"", 3: lambda: d.take(32)}[form]()
        if join(data_hash, ion_hash(metadata)) != stored_hash:
            bad.append("revision hash of document " + document)
        hashes.append(stored_hash)
    for _ in range(f.uint(4) if flags & 1 else 0):
        place = address(*reversed((f.uint(8), f.id())))
        redacted.append(fields(("blockAddress", place), ("tableId", string(f.id())), ("documentId", string(f.id())),
                               ("version", uint(f.uint(8)))))
    need(f.at == frame_end - 4 and d.at == end - 4, "a part of the block has another length")
    entries = [entry_0(strand, number, tx, time(millis)), root([ion_hash(change) for change in changes] + hashes), entry_2(changes)]
    if kind == 2:
        about = fields(*documents) if documents else None
        entries.append(ion_hash(fields(("statements", items(statements)), ("documents", about))))
    if redacted:
        entries.append(ion_hash(fields(("revisions", items(redacted)))))
    bad += ["blockHash"] if join(root(entries), before) != stored else []
    return Block(number, strand, before, stored, bad, tx), end
def read_slot(data):
    f = Frame(data)
    f.expect(b"EVSpre-1", "this is no slot of version pre-1")
    kind, count, journal, slot = f.take(4), f.uint(4), f.take(16), f.take(8)
    f.take(24)
    before, first, k, size = f.take(32), f.take(8), f.uint(4), f.uint(4)
    frontier, addition, link = [f.take(32) for _ in range(k)], f.take(size), f.take(32)
    need(crc32c(data[:f.at]) == f.uint(4), "a slot's checksum does not match")
    need(count or (size and any(first)), "a slot has no block")
    blocks, at = [], f.at
    for _ in range(count):
        block, length = read_block(data[at:])
        blocks, at = blocks + [block], at + length
    need(at == len(data), "bytes follow the last block")
    linked = b"EVSpre-1" + kind[:1] + journal + before + slot + first + b"".join(block.hash for block in blocks)
    linked += b"addition" + sha(addition) if size else b""
    said = read_addition(addition) if size else (frozenset(), False, None)
    fork = said[2]
    need(not fork or (any(slot) and all(block.strand != id_text(journal) for block in blocks)), "a fork beside blocks of its own strand")
    return int.from_bytes(slot, "little"), id_text(journal), before, link, frontier, blocks, sha(linked) == link, *said
FORK = ["ledger", "strand", "block", "digest", "slot", "link", "redactions"]
def read_addition(data):
    said, known = one(data), {"": ["void", "config", "seal", "fork"], "void": ["ids", "time"], "config": ["write_format"], "fork": FORK}
    need(said.type == "struct" and said.content, "an addition says nothing")
    need(len(data) <= (4194304 if get(said, "fork") else 131072), "an addition is too long")
    for name, value in [("", said)] + said.content:
        names = [field for field, _ in value.content]
        allowed = [["deleted"], ["continues_at"]] if name == "seal" else [known.get(name, [])]
        fits = names == [n for n in allowed[0] if n in names] if name == "" else names in allowed
        need(fits, "an addition that needs a newer verifier: %s %s" % (name, names))
    void, seal = get(said, "void"), get(said, "seal")
    ids = content(void, "ids") if void else []
    need(not void or (0 < len(ids) <= 4096 and get(void, "time").type == "int"), "a void without ids or time")
    texts = [value.content for value in ids]
    need(all(value.type == "string" and len(value.content) == 22 for value in ids), "a void with something other than ids")
    need(all(a < b for a, b in zip(texts, texts[1:])), "a void whose ids are not in order")
    need(seal is None or get(seal, "deleted") is None or content(seal, "deleted") is True, "a seal that is none")
    return frozenset(texts), seal is not None, read_fork(get(said, "fork"))
def read_fork(fork):
    """The strand before the fork, the last block that was restored, and the digest there."""
    if fork is None:
        return None
    need(0 < len(content(fork, "ledger").encode()) <= 64 and len(content(fork, "link")) == 32, "a fork without ledger or link")
    names, entries = ["block", "table", "document", "version", "by"], content(fork, "redactions")
    need(len(entries) <= 20000 and all([n for n, _ in entry.content] == names for entry in entries), "a fork with other redactions")
    order = [[content(entry, name) for name in ("block", "document", "table", "version", "by")] for entry in entries]
    need(all(a < b for a, b in zip(order, order[1:])), "a fork whose redactions are not in order")
    return content(fork, "strand"), content(fork, "block"), content(fork, "digest")
def read_segment(data):
    f = Frame(data)
    f.expect(b"evslots\npre-1\0\0\0", "this is no segment of version pre-1")
    slot, nonce, at = f.uint(8), f.take(8), 64
    need(crc32c(data[:32]) == f.uint(4), "a segment's checksum does not match")
    while len(head := data[at:at + 32]) == 32:
        length, crc, number, its_nonce, body_crc, kind = struct.unpack("<IIQ8sII", head)
        body = data[at + 32:at + 32 + length]
        valid = crc32c(head[:4] + head[8:]) == crc and (its_nonce, number, kind) == (nonce, slot, 1)
        if not valid or crc32c(body) != body_crc:
            return
        yield body
        slot, at = slot + 1, at + 32 + (length + 7) // 8 * 8

# ---------------------------------------------------------------- blocks in QLDB's shape (sections 4 and 7)
def hash_of(value):
    if value is None:
        return None
    data = value.content if value.type == "blob" else base64.b64decode(value.content, validate=True)
    need(len(data) in (0, 32), "a hash has 32 bytes")
    return data
def revision_problems(revision):
    metadata, stored = get(revision, "metadata"), hash_of(get(revision, "hash"))
    data, data_hash = get(revision, "data"), hash_of(get(revision, "dataHash"))
    if metadata is None:
        return ["data without metadata"] if data or get(revision, "dataHash") else []
    candidates = [ion_hash(data)] if data is not None else [data_hash]
    if data is None and data_hash is None:  # deleted: ours is the first, the others are candidates for QLDB's rule
        candidates = [b"", sha(b"")] + [ion_hash(v) for v in (NULL, Value("struct", 0xDF), fields())]
    matches = any(join(candidate, ion_hash(metadata)) == stored for candidate in candidates)
    return [] if matches else ["revision hash of document %s" % content(metadata, "id")]
def check_shape(block, changes):
    number, strand = content(block, "blockAddress", "sequenceNo"), content(block, "blockAddress", "strandId")
    stored, before, entries_hash = (hash_of(get(block, n)) for n in ("blockHash", "previousBlockHash", "entriesHash"))
    entries, bad = [hash_of(entry) for entry in content(block, "entriesHashList")], []
    revisions = (get(block, "revisions") or get(block, "revisionSummaries") or items([])).content
    hashes = [hash_of(get(revision, "hash")) for revision in revisions]
    for revision in revisions:
        bad += revision_problems(revision)
        place, metadata = get(revision, "blockAddress"), get(revision, "metadata")
        elsewhere = place and (content(place, "sequenceNo"), content(place, "strandId")) != (number, strand)
        if elsewhere or (metadata and content(metadata, "txId") != content(block, "transactionId")):
            bad.append("revision address")
    named = (get(get(block, "transactionInfo"), "documents") or NULL).content
    bad += ["revisions root"] if (root(hashes) not in entries if hashes else named) else []
    bad += [name + " hash" for name in ("transactionInfo", "redactionInfo")
            if get(block, name) and ion_hash(get(block, name)) not in entries]
    if changes is not None:
        first = entry_0(strand, number, content(block, "transactionId"), get(block, "blockTimestamp"))
        shown = hashes[:len(changes)] == list(map(ion_hash, changes))
        bad += [] if (entries[0], entries[2], shown) == (first, entry_2(changes), True) else ["system hashes"]
    bad += ["entriesHash"] if root(entries) != entries_hash else []
    bad += ["blockHash"] if join(entries_hash, before) != stored else []
    return Block(number, strand, before, stored, bad, content(block, "transactionId"))

# ---------------------------------------------------------------- commands
class Audit:
    def __init__(self, digests):
        self.digests, self.tip, self.frontier, self.bad, self.blocks, self.whole = digests, None, [], [], 0, True
        self.voided, self.entered = set(), None
    def block(self, block):
        place = "block %d: " % block.number
        self.bad += [place + problem for problem in block.bad]
        self.bad += [place + "void"] if block.tx in self.voided else []
        tip = self.tip or Block(block.number - 1, block.strand, b"", block.before, [])
        strand, self.entered = self.entered or tip.strand, None
        follows = (block.number, block.strand) == (tip.number + 1, strand)
        self.bad += [] if follows else [place + "block number"]
        self.bad += [] if block.before == tip.hash else [place + "previousBlockHash"]
        self.whole = self.whole and block.number == self.blocks
        push(self.frontier, self.blocks, block.hash)
        self.tip, self.blocks = block, self.blocks + 1
        due = [saved for saved in self.digests if self.whole and saved[1] == block.number]
        self.bad += [place + "digest" for saved in due if saved != (self.digest(), block.number, block.strand)]
    def digest(self): return fold(b"", reversed(self.frontier))
def member(value, name):
    """A member, or the Ion text inside of it, as the SDKs print it."""
    found = get(value, name)
    text = get(found, "IonText") or found
    is_text = text is not None and text.type == "string" and text.content.lstrip()[:1] in ("{", "[")
    return next(read_text(text.content)) if is_text else found
def saved_digest(value):
    tip = member(value, "digestTipAddress")
    return hash_of(member(value, "digest")), content(tip, "sequenceNo"), content(tip, "strandId")
def read_file(name): return pathlib.Path(name).read_bytes()
def audit(path, *digest_files):
    state, link = Audit([saved_digest(read_values(read_file(name))[0]) for name in digest_files]), bytes(32)
    names = sorted(os.path.join(folder, name) for folder, _, found in os.walk(path) for name in found)
    slots = [body for name in names if name.endswith(".segment") for body in read_segment(read_file(name))]
    sealed, strand = False, None
    for body in slots or ([read_file(path)] if os.path.isfile(path) else []):
        number, its_strand, before, after, frontier, blocks, linked, voided, seals, fork = read_slot(body)
        state.bad += ["slot %d: strand" % number] if strand and (strand != its_strand) != bool(fork) else []
        state.bad += ["slot %d: fork" % number] if fork and strand and fork[0] != strand else []
        state.bad += ["slot %d: seal" % number] if sealed else []
        state.voided |= voided
        sealed = sealed or seals
        for block in blocks:
            state.block(block)
        state.bad += ["slot %d: link" % number] if not linked or (slots and before != link) else []
        state.bad += ["slot %d: frontier" % number] if state.whole and frontier != state.frontier else []
        if fork:
            here = (state.tip and state.tip.number, state.digest())
            state.bad += ["slot %d: fork" % number] if state.whole and here != fork[1:] else []
            state.entered = its_strand
        link, strand = after, its_strand
    catalogues = [read_values(read_file(name)) for name in names if name.endswith(".catalogue.ion")]
    changes = {content(v, "sequenceNo"): content(v, "changes") for catalogue in catalogues for v in catalogue}
    objects = [(int(m.group(1)), name) for name in names for m in [re.search(r"\.(\d+)-\d+\.(ion|10n)$", name)] if m]
    for _, name in sorted(objects):
        for block in read_values(read_file(name)):
            number = content(block, "blockAddress", "sequenceNo")
            state.block(check_shape(block, changes.get(number, []) if catalogues else None))
    need(state.blocks > 0, "there is no block at " + path)
    state.bad += ["digest: block %d is missing" % tip for _, tip, _ in state.digests if tip > state.tip.number]
    print("\n".join(state.bad + ["%d blocks, %d deviations" % (state.blocks, len(state.bad))]))
    if state.whole:
        print("digest %s, tip %d" % (base64.b64encode(state.digest()).decode(), state.tip.number))
    return 1 if state.bad else 0
def proof_problems(value):
    nodes = [node for node in map(hash_of, member(value, "proof").content) if node]
    revision, block, start = member(value, "revision"), member(value, "block"), member(value, "revisionHash")
    of_revision, place, tip = (revision or start) is not None, member(value, "blockAddress"), member(value, "digestTipAddress")
    start, bad = hash_of(start or member(value, "blockHash")), []
    if revision is not None:
        bad, start, place = revision_problems(revision), hash_of(get(revision, "hash")), get(revision, "blockAddress") or place
    elif block is not None:
        checked, place = check_shape(block, None), get(block, "blockAddress")
        bad, start = checked.bad, checked.hash
    if place is not None and tip is not None:
        number, last = content(place, "sequenceNo"), content(tip, "sequenceNo")
        if number > last:  # the strands may differ where the ledger was restored (section 5); the proof decides
            return bad + ["the digest does not cover the block"]
        length = path_length(number, last)
        wrong = len(nodes) <= length if of_revision else len(nodes) != length
        twice = of_revision and not wrong and nodes[-length - 1:][:1] == nodes[-length - 1:][1:2]
        bad += ["the proof is not of the place of the block"] if wrong or (of_revision and twice != number % 2) else []
    return bad + ([] if fold(start, nodes) == hash_of(member(value, "digest")) else ["the proof does not lead to the digest"])
def proof(*names):
    bad = proof_problems(fields(*[field for name in names for field in read_values(read_file(name))[0].content]))
    return print("\n".join(bad) or "verified") or len(bad) > 0
def lines(name):
    values = [next(read_text(line)) for line in read_file(name).decode().splitlines()]
    wrong = [number for number, value in enumerate(values) if is_verified(value) != content(value, "expect")]
    return print("%d lines, judged otherwise than expected: %s" % (len(values), wrong)) or len(wrong) > 0
def is_verified(value):
    try: return not proof_problems(value)
    except UNUSABLE: return False

def main(arguments):
    commands = {"audit": audit, "proof": proof, "lines": lines}
    if len(arguments) < 2 or arguments[0] not in commands:
        print(__doc__)
        return 2
    try:
        return int(commands[arguments[0]](*arguments[1:]))
    except UNUSABLE as error:
        print("unusable: %s" % error)
        return 2

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
