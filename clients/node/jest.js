// `useLedger` for Jest.
'use strict';

const { useLedgerWith } = require('./testing.js');

/* global beforeAll, afterAll */
exports.useLedger = (options) => useLedgerWith(beforeAll, afterAll)(options);
