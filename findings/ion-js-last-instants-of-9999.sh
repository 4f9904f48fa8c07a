#!/usr/bin/env bash
# ion-js 5.2.1 cannot read the last half of a millisecond of the year 9999.
#
# One would expect: 9999-12-31T23:59:59.9999999Z, which databases and libraries write for "valid until further notice", is a timestamp of Ion.
# What happens: the reader checks the year after it has rounded the time to milliseconds, gets the year 10000 and throws. One such value
#   in a page makes the whole page unreadable. .999Z is read, and so is .9994Z.
# Why it matters: Ion libraries for Java, Python, C and Go write and read the value. A Node application that meets it in a ledger cannot read
#   the row, and cannot remove what is in the ledger's history.
# Instead: write 9999-12-31T23:59:59.999Z or 9999-12-31T; read such rows in another language.
# Source: the specification, docs/spec.html, "Timestamps": fractional seconds of any precision, years to 9999.
#   ion-js dist/commonjs/es6/IonTimestamp.js, the constructor: _checkFieldRange("Year", this.getDate().getUTCFullYear(), …), where getDate() has
#   rounded to milliseconds.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
for (const fraction of ["999", "9994", "9999", "9999999"])
  try { console.log(ion.load(`9999-12-31T23:59:59.${fraction}Z`).timestampValue().toString()); } catch (error) { console.log(fraction, error.message); }
')
expect "with 3, 4, 4 and 7 digits of a fraction" '9999-12-31T23:59:59.999Z
9999-12-31T23:59:59.9994Z
9999 Year 10000 must be between 1 and 9999 inclusive
9999999 Year 10000 must be between 1 and 9999 inclusive' "$seen"
