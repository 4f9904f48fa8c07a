#!/usr/bin/env bash
# avro 1.12.2 for Python writes Decimal('1.5') so that it is read as 0.15.
#
# One would expect: under the logical type decimal with scale 2, 1.5 is the integer 150. A decimal that the type cannot hold is refused, as one with three places is.
# What happens: the writer takes the digits of the Decimal as they stand, whatever their exponent: 1.5 is 15 and read as 0.15, 1E+3 is 1 and read as 0.01, minus zero is read as -0.02. Only a Decimal that has just as many
#   places as the schema is written as it is. More digits than the precision are taken too: they are rounded when they are read, or cut to the two bytes of a fixed type.
#   fastavro 1.13.1 writes the first three as they are and refuses the others; the file format is the same.
# Why it matters: amounts of a ledger have the places that they were given: 1.5, 20, 1E+3. An export of them to Avro is wrong by powers of ten, without an error.
# Instead: fastavro, or amount.quantize(Decimal("0.01")) before each write.
# Source: the Avro specification, "Decimal": the bytes are the unscaled value of the scale that the schema gives. avro/io.py, write_decimal_bytes and write_decimal_fixed: only an exponent beyond the scale is checked; digits are not moved.
. "$(dirname "$0")/lib.sh"
python_with avro==1.12.2 fastavro==1.13.1
seen=$("$python" - <<'END'
import io
import json
import avro.io
import avro.schema
import fastavro
from decimal import Decimal

of_bytes = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}
of_fixed = {"type": "fixed", "name": "amount", "size": 2, "logicalType": "decimal", "precision": 4, "scale": 2}


def with_avro(schema, value):
    parsed, file = avro.schema.parse(json.dumps(schema)), io.BytesIO()
    avro.io.DatumWriter(parsed).write(value, avro.io.BinaryEncoder(file))
    file.seek(0)
    return avro.io.DatumReader(parsed).read(avro.io.BinaryDecoder(file))


def with_fastavro(schema, value):
    file = io.BytesIO()
    fastavro.schemaless_writer(file, schema, value)
    file.seek(0)
    return fastavro.schemaless_reader(file, schema)


def try_to(write, *arguments):
    try:
        return write(*arguments)
    except Exception as error:
        return type(error).__name__


for schema, text in ((of_bytes, "1.50"), (of_bytes, "1.5"), (of_bytes, "20"), (of_bytes, "1E+3"), (of_bytes, "-0"), (of_bytes, "12345.67"), (of_fixed, "327.68")):
    value = Decimal(text)
    print(schema["type"], text, try_to(with_avro, schema, value), try_to(with_fastavro, schema, value))
END
)
expect "type, value, what avro reads of it, what fastavro reads" 'bytes 1.50 1.50 1.50
bytes 1.5 0.15 1.50
bytes 20 0.20 20.00
bytes 1E+3 0.01 1000.00
bytes -0 -0.02 0.00
bytes 12345.67 12345.7 ValueError
fixed 327.68 1.28 ValueError' "$seen"
