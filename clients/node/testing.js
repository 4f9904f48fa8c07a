// A server for the tests of a file, whatever runs them.
'use strict';

const { start } = require('./index.js');

/** `useLedger` for a runner with these hooks. */
exports.useLedgerWith = (before, after) => (options = {}) => {
    let server;
    before(async () => {
        server = await start({ memory: true, ...options });
    });
    after(() => server?.stop());
    const get = (name) => {
        if (!server) throw new Error('the server runs while tests run, not before: use it inside a test or a hook');
        return server[name];
    };
    return {
        get endpoint() {
            return get('endpoint');
        },
        get ledger() {
            return get('ledger');
        },
        get ledgers() {
            return get('ledgers');
        },
        get clientOptions() {
            return get('clientOptions');
        },
    };
};
