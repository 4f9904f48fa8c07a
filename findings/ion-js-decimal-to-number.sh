#!/usr/bin/env bash
# ion-js 5.2.1 turns the decimal 0.3 into a number that is not 0.3.
#
# One would expect: numberValue() of a decimal is the nearest double, the same that JavaScript makes of the text "0.3". The loss
#   begins at 17 digits.
# What happens: the library multiplies the coefficient by a power of ten in floating point, so that two roundings add up. 0.3 becomes
#   0.30000000000000004, 4.35 becomes 4.3500000000000005. JSON.stringify of a row and arithmetic on it use that number too.
# Why it matters: a Node application that reads amounts from a ledger and calls numberValue(), or puts a row into JSON, shows and
#   passes on an amount that is not in the ledger; `=== 0.3` fails.
# Instead: Number(value.toString()), or keep the decimal: decimalValue() is exact.
# Source: ion-js dist/commonjs/es6/IonDecimal.js, numberValue(): Number(coefficient) * Math.pow(10, exponent).
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
for (const text of ["0.1", "0.3", "4.35", "1.15"]) console.log(text, ion.load(text).numberValue(), ion.load(text).numberValue() === Number(text));
console.log(JSON.stringify(ion.load("{amount: 4.35}")));
let wrong = 0;
for (let cents = 0; cents < 10000; cents++) {
  const text = (cents / 100).toFixed(2);
  if (ion.load(text).numberValue() !== Number(text)) wrong++;
}
console.log(wrong, "of 10000");
')
expect "text, numberValue(), equal to Number(text); a row as JSON; how many of the amounts 0.00 to 99.99 differ" '0.1 0.1 true
0.3 0.30000000000000004 false
4.35 4.3500000000000005 false
1.15 1.1500000000000001 false
{"amount":4.3500000000000005}
1327 of 10000' "$seen"
