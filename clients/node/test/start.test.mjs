// The package as npm installs it: a server in five lines, with the official driver, and the ways in which it can go wrong.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import qldb from 'amazon-qldb-driver-nodejs';
import { binary, start } from 'everstrand';
import { useLedger } from 'everstrand/node-test';

test('the official driver works on a server in memory', async () => {
    const server = await start({ memory: true, ledger: 'cars' });
    const driver = new qldb.QldbDriver('cars', server.clientOptions);
    await driver.executeLambda((transaction) => transaction.execute('CREATE TABLE Car'));
    assert.deepEqual(await driver.getTableNames(), ['Car']);
    driver.close();
    await server.stop();
    await assert.rejects(fetch(`${server.endpoint}/health`));
});

test('a folder keeps what was committed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'everstrand-'));
    for (const expected of [[], ['Car']]) {
        const server = await start({ path: join(folder, 'data'), ledgers: ['one', 'two'] });
        const driver = new qldb.QldbDriver('two', server.clientOptions);
        assert.deepEqual(await driver.getTableNames(), expected);
        if (expected.length === 0) await driver.executeLambda((transaction) => transaction.execute('CREATE TABLE Car'));
        driver.close();
        await server.stop();
    }
    rmSync(folder, { recursive: true });
});

test('a server that cannot start says why', async () => {
    await assert.rejects(start({ memory: true, args: ['--limit', 'no-such-limit=1'] }), /no-such-limit/);
    await assert.rejects(start({}), /memory: true/);
    await assert.rejects(start({ memory: true, path: 'x' }), /exclude each other/);
});

test('the command runs the program, and ends as it ends', () => {
    const run = (...args) => spawnSync('npx', ['--no-install', 'everstrand', ...args], { encoding: 'utf8' });
    assert.match(run('--version').stdout, /^everstrand \d/);
    assert.equal(run('health', '--endpoint', 'http://127.0.0.1:1').status, 1);
    assert.match(binary(), /everstrand$/);
});

test('a process that ends without stop leaves no server behind', async () => {
    const program = "require('everstrand').start({ memory: true }).then((server) => console.log(server.endpoint))";
    const { stdout } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', timeout: 10000 });
    assert.match(stdout, /^http:/);
    await assert.rejects(fetch(`${stdout.trim()}/health`));
});

const server = useLedger({ ledger: 'hooked' });
test('a server of the test file', async () => {
    assert.equal(server.ledger, 'hooked');
    assert.equal((await fetch(`${server.endpoint}/health`)).status, 200);
});
