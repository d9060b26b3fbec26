#!/usr/bin/env python3
"""Makes decimal.txt: what Python's decimal module says of the operations of base/decimal.h.

Usage: src/base/vectors/make_decimal_vectors.py > src/base/vectors/decimal.txt

A line is `operation a b result`; `-` stands for nothing. The numbers come from a fixed seed: the same lines each time.
"""
import decimal
import random
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

LARGEST = 999
OURS = Context(prec=34, rounding=ROUND_HALF_EVEN, Emax=999999, Emin=-999999, traps=[decimal.DivisionByZero, decimal.InvalidOperation])
EXACT = Context(prec=5000, Emax=999999, Emin=-999999)
SPECIAL = ["0", "1", "-1", "0.5", "-0.5", "1.5", "2.5", "-2.5", "3", "7", "10", "0.1", "1E999", "-1E999", "1E-999", "9.999999999999999999999999999999999E999",
           "9999999999999999999999999999999999", "-9999999999999999999999999999999999", "1E33", "1E34", "5E-34", "5E-35", "1.000000000000000000000000000000001",
           "9223372036854775807", "-9223372036854775808", "123456789012345678.5", "2E-7", "0.000001"]


def ranged(value):
    """In our range, without zeros at the end; None: too large."""
    value = OURS.plus(value)
    if value == 0 or value.adjusted() < -LARGEST:
        return Decimal(0)
    return None if value.adjusted() > LARGEST else value.normalize(OURS)


def text(value):
    if value is None:
        return "-"
    if value == 0:
        return "0"
    sign, digits, exponent = value.as_tuple()
    digits, adjusted = "".join(map(str, digits)), value.adjusted()
    if (exponent >= 0 and adjusted < 34) or (exponent < 0 and adjusted >= -6):
        return format(value, "f")
    return ("-" if sign else "") + digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + f"E{adjusted}"


def whole(value, rounding):
    return value if value.as_tuple().exponent >= 0 else value.quantize(Decimal(1), rounding=rounding, context=EXACT)


def remainder(a, b):
    quotient = whole(EXACT.divide(a, b), ROUND_DOWN) if abs(a.adjusted() - b.adjusted()) < 2000 else None
    return EXACT.subtract(a, EXACT.multiply(quotient, b))


BINARY = {"add": OURS.add, "subtract": OURS.subtract, "multiply": OURS.multiply, "divide": OURS.divide, "remainder": remainder}
UNARY = {"floor": ROUND_FLOOR, "ceil": ROUND_CEILING, "round": ROUND_HALF_UP}


def result(call, *arguments):
    try:
        return text(ranged(call(*arguments)))
    except (decimal.DivisionByZero, decimal.InvalidOperation):
        return "-"


def random_number(source):
    digits = source.choice([1, 2, 5, 10, 17, 33, 34])
    number = source.randrange(10 ** digits)
    exponent = source.choice([0, 0, -1, -2, -digits, source.randrange(-60, 60), source.randrange(-999, 960)])
    return ranged(Decimal(source.choice([number, -number])).scaleb(exponent, EXACT))


def main():
    source = random.Random(34)
    numbers = [Decimal(one) for one in SPECIAL] + [number for number in (random_number(source) for _ in range(60)) if number is not None]
    pairs = [(a, b) for a in numbers[:14] for b in numbers[:14]] + [(source.choice(numbers), source.choice(numbers)) for _ in range(400)]
    for a, b in pairs:
        name = source.choice(list(BINARY))
        print(name, text(a), text(b), result(BINARY[name], a, b))
        print("compare", text(a), text(b), int(a.compare(b)))
    for a in numbers:
        for name, rounding in UNARY.items():
            print(name, text(a), "-", result(lambda value, how=rounding: whole(value, how), a))
        places = source.choice([0, 1, 2, 5, 34])
        cut = a if a.as_tuple().exponent >= -places else a.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN, context=EXACT)
        print("truncate", text(a), places, result(lambda value: value, cut))
        print("double", text(a), "-", repr(float(a)))
    for _ in range(120):
        digits = "".join(source.choice("0123456789") for _ in range(source.choice([3, 34, 35, 36, 70])))
        point = source.randrange(1, len(digits))
        written = source.choice([digits.lstrip("0") or "0", f"{digits[:point].lstrip('0') or '0'}.{digits[point:]}e{source.randrange(-50, 50)}",
                                 "1" + digits + "5" + "0" * 40 + source.choice(["", "1"])])
        print("parse", written, "-", result(Decimal, written))
    for _ in range(60):
        value = source.choice([source.uniform(-1000, 1000), source.uniform(0, 1) * 10.0 ** source.randrange(-300, 300)])
        print("from_double", repr(value), "-", result(lambda number: Decimal(repr(number)), value))


main()
