#!/usr/bin/env bash
# asn1.js 5.4.1 reads and writes a GeneralizedTime without its fraction, and node-forge 1.4.3 writes none.
#
# One would expect: 20200101000000.5Z is half a second past midnight. The times of RFC 3161 tokens have such fractions where the authority is more exact than a second.
# What happens: asn1.js takes the first fourteen digits and passes over the rest. What it writes of a Date is cut to the second, as is what node-forge writes, which reads fractions. asn1js 4.0.0 reads and writes them.
# Why it matters: tokens of one second, by which one proves the order of two documents, are at the same time; a time that is read and written again is another one, before the first, and the signature over it no longer holds.
# Instead: asn1js, or the text of the time.
# Source: RFC 3161, section 2.4.2: genTime, "fraction-of-second details". X.690, section 11.7: seconds with a fraction, without zeros at its end. asn1.js lib/asn1/decoders/der.js, _decodeTime: str.slice(12, 14); node-forge lib/asn1.js, dateToGeneralizedTime.
. "$(dirname "$0")/lib.sh"
node_with asn1.js@5.4.1 node-forge@1.4.3 asn1js@4.0.0
cat >time.cjs <<'END'
const asn1 = require("asn1.js");
const asn1js = require("asn1js");
const forge = require("node-forge");

const Time = asn1.define("Time", function () { this.gentime(); });
const text = "20200101000000.5Z", bytes = Uint8Array.of(24, text.length, ...Buffer.from(text));
const date = new Date("2020-01-01T00:00:00.500Z");
const written = (der) => Buffer.from(der).toString("latin1").slice(2);
console.log("asn1.js", new Date(Time.decode(Buffer.from(bytes), "der")).toISOString(), written(Time.encode(+date, "der")));
console.log("node-forge", forge.asn1.generalizedTimeToDate(text).toISOString(), forge.asn1.dateToGeneralizedTime(date));
console.log("asn1js", asn1js.fromBER(bytes).result.toDate().toISOString(), written(new asn1js.GeneralizedTime({ valueDate: date }).toBER()));
END
expect "20200101000000.5Z as read; what is written of it" "asn1.js 2020-01-01T00:00:00.000Z 20200101000000Z
node-forge 2020-01-01T00:00:00.500Z 20200101000000Z
asn1js 2020-01-01T00:00:00.500Z 20200101000000.5Z" "$(node time.cjs)"
