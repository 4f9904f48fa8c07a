// The published Node.js driver, amazon-qldb-driver-nodejs 3.1.0, unmodified.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { CreateLedgerCommand, DeleteLedgerCommand, DescribeLedgerCommand, QLDB } from '@aws-sdk/client-qldb';
import { QLDBSession, SendCommandCommand } from '@aws-sdk/client-qldb-session';
import qldb from 'amazon-qldb-driver-nodejs';
import { loadAll } from 'ion-js';

const { QldbDriver, RetryConfig } = qldb;
const endpoint = process.env.EVERSTRAND_ENDPOINT;
const options = { endpoint, region: 'us-east-1', credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? 'local', secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? 'local',
} };
const control = new QLDB(options);
const ledger = `n-${randomUUID().replaceAll('-', '').slice(0, 20)}`;
let driver;

before(async () => {
    await control.send(new CreateLedgerCommand({ Name: ledger, PermissionsMode: 'ALLOW_ALL', DeletionProtection: false }));
    const described = await control.send(new DescribeLedgerCommand({ Name: ledger }));
    assert.equal(described.State, 'ACTIVE');
    driver = new QldbDriver(ledger, options, {}, 10);
});

after(async () => {
    driver.close();
    await control.send(new DeleteLedgerCommand({ Name: ledger }));
    await assert.rejects(control.send(new DescribeLedgerCommand({ Name: ledger })), { name: 'ResourceNotFoundException' });
});

const run = (statement, ...parameters) =>
    driver.executeLambda(async txn => (await txn.execute(statement, ...parameters)).getResultList());

test('a table, an index, a document and back', async () => {
    const [table] = await run('CREATE TABLE people');
    assert.equal(table.get('tableId').stringValue().length, 22);
    await run('CREATE INDEX on people (name)');
    const [inserted] = await run('INSERT INTO people ?', { name: 'Ann', age: 42 });
    assert.deepEqual(inserted.fieldNames(), ['documentId']);
    const [row] = await run('SELECT * FROM people WHERE name = ?', 'Ann');
    assert.equal(row.get('age').numberValue(), 42);
    assert.deepEqual(await driver.getTableNames(), ['people']);
});

test('a thousand rows over pages, whole and as a stream', async () => {
    await run('CREATE TABLE many');
    for (let start = 0; start < 1000; start += 40) {
        const rows = Array.from({ length: 40 }, (_, index) => ({ n: start + index }));
        await run(`INSERT INTO many <<${rows.map(() => '?').join(', ')}>>`, ...rows);
    }
    const rows = await run('SELECT VALUE n FROM many');
    assert.deepEqual(rows.map(row => row.numberValue()).sort((a, b) => a - b), Array.from({ length: 1000 }, (_, n) => n));
    const streamed = await driver.executeLambda(async txn => {
        let count = 0;
        for await (const _ of await txn.executeAndStreamResults('SELECT * FROM many')) count += 1;
        return count;
    });
    assert.equal(streamed, 1000);
});

test('update, delete, and reading what the transaction itself wrote', async () => {
    await run('CREATE TABLE t');
    const within = await driver.executeLambda(async txn => {
        await txn.execute('INSERT INTO t ?', { name: 'Ann', age: 1 });
        await txn.execute('UPDATE t SET age = ? WHERE name = ?', 2, 'Ann');
        return (await txn.execute('SELECT VALUE age FROM t')).getResultList();
    });
    assert.equal(within[0].numberValue(), 2);
    assert.equal((await run('DELETE FROM t')).length, 1);
    assert.equal((await run('SELECT * FROM t')).length, 0);
});

test('any Ion value survives, and `=` and IS NULL know it', async () => {
    await run('CREATE TABLE values_');
    const values = loadAll(readFileSync(process.env.EVERSTRAND_VALUES, 'utf8'));
    assert.ok(values.length >= 50);
    for (const [number, value] of values.entries()) {
        await run("INSERT INTO values_ VALUE {'n': ?, 'v': ?}", number, value);
        const [back] = await run('SELECT VALUE v FROM values_ WHERE n = ?', number);
        assert.ok(back.ionEquals(value), `${number}: ${value} came back as ${back}`);
        const [condition, parameters] = value.isNull() ? ['v IS NULL', []] : ['v = ?', [value]];
        const found = await run(`SELECT VALUE n FROM values_ WHERE n = ? AND ${condition}`, number, ...parameters);
        assert.deepEqual(found.map(n => n.numberValue()), [number], `${number}: ${value}`);
    }
});

test('statements that are sent at once keep the order of the digest', async () => {
    await run('CREATE TABLE at_once');
    await driver.executeLambda(async txn => {
        await Promise.all(Array.from({ length: 20 }, (_, n) => txn.execute('INSERT INTO at_once ?', { n })));
    });
    assert.equal((await run('SELECT * FROM at_once')).length, 20);
});

test('of three that count at once, none is lost', async () => {
    await run('CREATE TABLE counter');
    await run('INSERT INTO counter ?', { n: 0 });
    const patient = new RetryConfig(50, () => 5);
    let attempts = 0;
    const count = () =>
        driver.executeLambda(async txn => {
            attempts += 1;
            const [value] = (await txn.execute('SELECT VALUE n FROM counter')).getResultList();
            await txn.execute('UPDATE counter SET n = ?', value.numberValue() + 1);
        }, patient);
    await Promise.all([count(), count(), count()]);
    const [value] = await run('SELECT VALUE n FROM counter');
    assert.equal(value.numberValue(), 3);
    assert.ok(attempts >= 3);
});

// Where several servers answer, a transaction that only read is answered as of its begin, whatever another server committed since.
test('the loser of a conflict may only have read', { skip: process.env.SEVERAL_SERVERS === '1' }, async () => {
    await run('CREATE TABLE read_only');
    await run('INSERT INTO read_only ?', { a: 1 });
    const loses = driver.executeLambda(async txn => {
        await txn.execute('SELECT * FROM read_only');
        await run('UPDATE read_only SET a = 5');
    }, new RetryConfig(0));
    await assert.rejects(loses, { name: 'OccConflictException' });
});

test('errors have the names of the model, also beside a Code', async () => {
    await run('CREATE TABLE taken');
    await assert.rejects(run('CREATE TABLE taken'), { name: 'BadRequestException', Code: '412' });
    await assert.rejects(run('SELECT * FROM nowhere'), { name: 'BadRequestException', Code: '432' });
    // It tries again, and with each failure loses one of its permits for ever: it needs some.
    const lost = new QldbDriver('no-such-ledger', options, {}, 10, new RetryConfig(1, () => 1));
    await assert.rejects(lost.getTableNames(), { name: 'BadRequestException' });
});

test('a join counts its reads', async () => {
    await run('CREATE TABLE joined');
    await run('INSERT INTO joined <<?, ?, ?>>', { n: 1 }, { n: 2 }, { n: 3 });
    const result = await driver.executeLambda(txn =>
        txn.execute('SELECT VALUE 1 FROM joined AS a, joined AS b, joined AS c, joined AS d, joined AS e, joined AS f'));
    assert.equal(result.getResultList().length, 729);
    assert.equal(result.getConsumedIOs().getReadIOs(), 1092);
    assert.ok(result.getTimingInformation().getProcessingTimeMilliseconds() >= 1);
});

test('the low level client, with no Parameters at all', async () => {
    const client = new QLDBSession(options);
    const send = input => client.send(new SendCommandCommand(input));
    const SessionToken = (await send({ StartSession: { LedgerName: ledger } })).StartSession.SessionToken;
    const TransactionId = (await send({ SessionToken, StartTransaction: {} })).StartTransaction.TransactionId;
    const executed = await send({ SessionToken, ExecuteStatement: { TransactionId, Statement: 'SELECT * FROM people' } });
    assert.equal(executed.ExecuteStatement.FirstPage.Values.length, 1);
    const wrong = send({ SessionToken, CommitTransaction: { TransactionId, CommitDigest: new Uint8Array(32) } });
    await assert.rejects(wrong, { name: 'BadRequestException', message: "Digests don't match" });
    await send({ SessionToken, EndSession: {} });
    await assert.rejects(send({ SessionToken, StartTransaction: {} }), { name: 'InvalidSessionException' });
});
