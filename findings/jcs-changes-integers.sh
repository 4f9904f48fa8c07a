#!/usr/bin/env bash
# jcs 0.2.1 writes 9007199254740993 as 9007199254740992, and two integers in the same way.
#
# One would expect: canonical JSON either has the integer's digits, or refuses an integer that RFC 8785 cannot represent, as rfc8785 0.1.4 does.
# What happens: each int goes through a float. From 2^53 on neighbours have one canonical form, and 10^30 becomes 1e+30.
# Why it matters: two different amounts, account numbers or sequence numbers have the same bytes, so the same hash and signature. Nothing tells that the signed number is not the one that was given.
# Instead: rfc8785, which raises IntegerDomainError; large integers as strings, which the RFC recommends; Ion Hash.
# Source: jcs/ntoj.py: `fvalue = float(value)`. RFC 8785, section 3.1: data must be within I-JSON.
. "$(dirname "$0")/lib.sh"
python_with jcs==0.2.1 rfc8785==0.1.4
seen=$("$python" - <<'END'
import jcs
import rfc8785

for number in (2**53 - 1, 2**53, 2**53 + 1, 10**30):
    try:
        other = rfc8785.dumps(number).decode()
    except rfc8785.IntegerDomainError as error:
        other = error
    print(number, jcs.canonicalize(number).decode(), other)
END
)
expect "an int, by jcs, by rfc8785" '9007199254740991 9007199254740991 9007199254740991
9007199254740992 9007199254740992 9007199254740992 exceeds safe integer domain for JSON floats
9007199254740993 9007199254740992 9007199254740993 exceeds safe integer domain for JSON floats
1000000000000000000000000000000 1e+30 1000000000000000000000000000000 exceeds safe integer domain for JSON floats' "$seen"
