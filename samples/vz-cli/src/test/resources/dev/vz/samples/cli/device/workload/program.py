"""Computes with each part of Python that computes, and prints a digest of what came of it."""
import array
import base64
import bisect
import bz2
import cmath
import collections
import datetime
import decimal
import fractions
import functools
import hashlib
import heapq
import itertools
import json
import lzma
import math
import random
import re
import sqlite3
import struct
import unicodedata
import zlib


def show(name, value):
    print(name, hashlib.sha256(repr(value).encode()).hexdigest()[:32])


show("whole numbers", [pow(3, 2 ** n + 1, 10 ** 40 + 7) for n in range(60)])
show("factorial", math.factorial(900))
show("division", [divmod(7 ** n, 3 ** (n // 2) + 1) for n in range(1, 300)])
show("roots", [math.isqrt(2 * 10 ** (2 * n)) for n in range(200)])
xs = [(n - 300) / 37 for n in range(600)]
for f in (math.sin, math.cos, math.tan, math.atan, math.exp, math.expm1, math.erf, math.sinh, math.tanh, math.asinh, math.cbrt):
    show(f.__name__, [f(x) for x in xs])
for f in (math.log, math.log2, math.log10, math.log1p, math.sqrt, math.gamma, math.lgamma):
    show(f.__name__, [f(abs(x) + 0.01) for x in xs])
show("powers", [abs(x) ** y for x in xs[::17] for y in xs[::31]])
show("remainders", [(math.fmod(x, 0.7), math.remainder(x, 0.3), math.ldexp(x, 5), math.frexp(x)) for x in xs])
show("rounding", [(round(x, 2), math.floor(x), math.ceil(x), int(x * 1e12)) for x in xs])
show("hexadecimal", [x.hex() for x in xs])
show("complex", [cmath.sqrt(complex(x, -x)) * cmath.exp(1j * x) for x in xs])
show("tiny and huge", [x * 1e-310 for x in xs] + [x * 1e307 * 100 for x in xs] + [math.inf - math.inf])
show("sums", (math.fsum(xs), sum(xs), math.prod(abs(x) + 0.5 for x in xs[:200]), math.dist(xs[:9], xs[9:18])))
source = random.Random(7)
show("random", [source.random() for _ in range(500)] + [source.gauss(0, 1) for _ in range(500)])
show("shuffled", source.sample(range(5000), 5000))
data = bytes(source.getrandbits(8) & 0x3F for _ in range(60000))
for name in sorted(hashlib.algorithms_guaranteed):
    digest = hashlib.new(name, data)
    print(name, digest.hexdigest(16) if name.startswith("shake") else digest.hexdigest()[:32])
show("keys", (hashlib.pbkdf2_hmac("sha256", b"a", b"b", 500), hashlib.scrypt(b"a", salt=b"b", n=256, r=8, p=1)))
for module in (zlib, bz2, lzma):
    packed = module.compress(data)
    assert module.decompress(packed) == data
    show(module.__name__, packed)
show("checks", (zlib.crc32(data), zlib.adler32(data)))
show("structures", struct.pack("<bhiqfd", 3, -4, 5, -6, 0.7, 0.8) + struct.pack(">eHQ", 1.5, 65000, 2 ** 63))
show("arrays", array.array("d", xs).tobytes() + array.array("f", xs).tobytes())
show("encodings", base64.b85encode(data[:999]) + base64.b32encode(data[:999]))
text = json.dumps({"xs": xs, "deep": functools.reduce(lambda a, n: {str(n): a}, range(40), None)}, sort_keys=True)
show("json", (text, json.loads(text) == json.loads(json.dumps(json.loads(text)))))
show("expressions", re.findall(r"(\d+)\.(\d)(?=[3-7])\d*e?", text))
show("words", collections.Counter(re.sub(r"[^a-f0-9]+", " ", text).split()).most_common(50))
show("unicode", [unicodedata.normalize("NFKD", chr(c)) for c in range(0xC0, 0x2000)])
decimal.getcontext().prec = 60
show("decimal", [(decimal.Decimal(n).sqrt(), decimal.Decimal(n).ln(), decimal.Decimal(1) / n) for n in range(1, 60)])
show("fractions", sum(fractions.Fraction(1, n) for n in range(1, 250)))
show("dates", [(datetime.date(1970, 1, 1) + datetime.timedelta(days=n * 31)).isocalendar() for n in range(999)])
show("orders", (sorted(data[:3000]), heapq.nsmallest(50, data), [bisect.bisect(xs, x / 10) for x in range(-80, 80)]))
show("permutations", list(itertools.permutations("vector", 4)))
store = sqlite3.connect(":memory:")
store.execute("create table t (a integer primary key, b real, c text)")
store.executemany("insert into t values (?, ?, ?)", [(n, x, x.hex()) for n, x in enumerate(xs)])
show("tables", store.execute("select a % 7, count(*), avg(b), max(c), total(b * b) from t group by 1 order by 3").fetchall())
