// `useLedger` for node:test.
'use strict';

const { after, before } = require('node:test');
const { useLedgerWith } = require('./testing.js');

exports.useLedger = useLedgerWith(before, after);
