// What surprises people in the Node.js driver and ion-js, and what the server does with it: docs/clients/node.md has the table.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { CreateLedgerCommand, DeleteLedgerCommand, QLDB } from '@aws-sdk/client-qldb';
import qldb from 'amazon-qldb-driver-nodejs';
import { IonTypes, load } from 'ion-js';

const endpoint = process.env.EVERSTRAND_ENDPOINT;
const options = { endpoint, region: 'us-east-1', credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? 'local', secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? 'local',
} };
const control = new QLDB(options);
const ledger = `n-${randomUUID().replaceAll('-', '').slice(0, 20)}`;
let driver;

before(async () => {
    await control.send(new CreateLedgerCommand({ Name: ledger, PermissionsMode: 'ALLOW_ALL', DeletionProtection: false }));
    driver = new qldb.QldbDriver(ledger, options, {}, 10);
});

after(async () => {
    driver.close();
    await control.send(new DeleteLedgerCommand({ Name: ledger }));
});

const run = (statement, ...parameters) =>
    driver.executeLambda(async txn => (await txn.execute(statement, ...parameters)).getResultList());

// Stores a value in a table of its own, and returns it as it is read again.
async function stored(table, value) {
    await run(`CREATE TABLE ${table}`);
    await run(`INSERT INTO ${table} VALUE {'x': ?}`, value);
    const [row] = await run(`SELECT t.x FROM ${table} AS t`);
    return row.get('x');
}

test('a Map, a Set and an Error are stored as empty structs', async () => {
    for (const [name, value] of Object.entries({ maps: new Map([['a', 1]]), sets: new Set([1]), errors: new Error('lost') })) {
        const read = await stored(name, value);
        assert.equal(read.getType(), IonTypes.STRUCT);
        assert.deepEqual(read.fieldNames(), []);
    }
});

test('a Buffer is refused before it is sent, and a plain Uint8Array is a blob', async () => {
    await assert.rejects(run('SELECT * FROM information_schema.user_tables WHERE name = ?', Buffer.from('a')), /Blob from a Buffer/);
    assert.deepEqual([...(await stored('bytes', new Uint8Array([1, 2]))).uInt8ArrayValue()], [1, 2]);
});

test('numbers: a fraction is a float, 1e21 an int, -0 an int', async () => {
    assert.equal((await stored('fractions', 1.5)).getType(), IonTypes.FLOAT);
    assert.equal((await stored('large', 1e21)).getType(), IonTypes.INT);
    assert.equal((await stored('zeros', -0)).getType(), IonTypes.INT);
});

test('numberValue of the decimal 0.3 is not 0.3', async () => {
    await run('CREATE TABLE decimals');
    await run("INSERT INTO decimals VALUE {'x': 0.3}");
    const [row] = await run('SELECT d.x FROM decimals AS d');
    assert.notEqual(row.get('x').numberValue(), 0.3);
    assert.equal(row.get('x').toString(), '0.3');
});

test('a NaN that was computed may be refused, because the driver hashes its bits', async () => {
    const computed = new Float64Array(new BigUint64Array([0xfff8000000000000n]).buffer)[0];
    await run('CREATE TABLE nans');
    await run("INSERT INTO nans VALUE {'x': ?}", NaN);
    await assert.rejects(run("INSERT INTO nans VALUE {'x': ?}", computed), /Digests don't match/);
});

test('a row is no plain object: keys, spread and the methods of lists', async () => {
    await run('CREATE TABLE documents');
    await run("INSERT INTO documents VALUE {'id': 7, 'lines': [1, 2]}");
    const [row] = await run('SELECT * FROM documents');
    assert.deepEqual(Object.keys(row), ['_fields']);
    await assert.rejects(run('INSERT INTO documents ?', { ...row, id: 8 }), /toString is not a function/);
    assert.throws(() => row.get('lines').map(line => line), /not iterable/);
    assert.equal(row.get('lines').elements().map(Number)[1], 2);
    await run('INSERT INTO documents ?', { ...Object.fromEntries(row.fields()), id: 8 });
    assert.equal((await run('SELECT * FROM documents')).length, 2);
});

test('a page with the last instants of 9999, or with symbol zero, cannot be read', async () => {
    for (const [table, value] of [['ends', '9999-12-31T23:59:59.9999Z'], ['unnamed', '$0']]) {
        await run(`CREATE TABLE ${table}`);
        await run(`INSERT INTO ${table} VALUE {'x': \`${value}\`}`);
        await assert.rejects(run(`SELECT * FROM ${table}`), /Year 10000|Symbol ID zero/);
    }
});

test('a timestamp just before a full minute is sent a minute late, and its hash is another one', async () => {
    await run('CREATE TABLE minutes');
    const insert = "INSERT INTO minutes VALUE {'x': ?}";
    await assert.rejects(run(insert, load('2020-01-01T00:00:59.9999999Z')), /Digests don't match/);
    await run(insert, load('2020-01-01T00:00:59.999Z'));
    await run("INSERT INTO minutes VALUE {'x': `2020-01-01T00:00:59.9999999Z`}");
    const rows = await run('SELECT VALUE m.x FROM minutes AS m ORDER BY m.x');
    assert.deepEqual(rows.map(row => row.timestampValue().toString()), ['2020-01-01T00:00:59.999Z', '2020-01-01T00:00:59.9999999Z']);
});
