#!/usr/bin/env bash
# lmdb 3.5.6 for Node.js: the key -0 is not 0, comes after all other numbers and is read as an array.
#
# One would expect: 0 and -0 are one key, as in a Map and an object, or neighbours; a range from -1 to 1 has both.
# What happens: -0 is stored with another first byte than numbers have. A range of numbers does not contain it; a range over everything shows it as ['\x18', null]; get(0) does not find it, and get(-0) does.
# Why it matters: -0 comes out of rounding (Math.round(-0.4), and 0 * -1): balances, differences and offsets of times that are used as keys or as a part of one. Such rows are missing in every range and total.
# Instead: key + 0, which is 0 for -0.
# Source: lmdb's README, "Keys": numbers are ordered naturally, "so any JS number can be used as a key". ordered-binary 1.6.3, index.js, case 'number': `key < 0` is false for -0, and its sign bit goes into the first byte.
. "$(dirname "$0")/lib.sh"
node_with lmdb@3.5.6 ordered-binary@1.6.3
cat >keys.mjs <<'END'
import { open } from "lmdb";

const database = open({ path: "data" });
for (const [key, value] of [[-1, "minus one"], [0, "zero"], [Math.round(-0.4), "rounded to zero"], [1, "one"]]) await database.put(key, value);
console.log(database.get(0), "|", database.get(-0));
console.log(JSON.stringify(Array.from(database.getRange({ start: -1, end: 2 }))));
console.log(JSON.stringify(Array.from(database.getRange())));
await database.close();
END
expect "get(0) and get(-0); the range from -1 to 2; everything" 'zero | rounded to zero
[{"key":-1,"value":"minus one"},{"key":0,"value":"zero"},{"key":1,"value":"one"}]
[{"key":-1,"value":"minus one"},{"key":0,"value":"zero"},{"key":1,"value":"one"},{"key":["\u0018",null],"value":"rounded to zero"}]' "$(node keys.mjs)"
