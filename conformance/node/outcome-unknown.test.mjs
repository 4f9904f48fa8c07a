// The answer to a commit whose outcome nobody knows. The driver raises it. It neither sends the commit nor runs the work again.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { test } from 'node:test';

import { CreateLedgerCommand, DeleteLedgerCommand, QLDB } from '@aws-sdk/client-qldb';
import qldb from 'amazon-qldb-driver-nodejs';

const CODE = 'CommitOutcomeUnknownException';
const endpoint = process.env.EVERSTRAND_ENDPOINT;
const options = { region: 'us-east-1', credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? 'local', secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? 'local',
} };

// Passes everything on, and says of each commit that nobody knows its outcome, though the server has done it.
const forgetful = async () => {
    const seen = { commits: 0 };
    const target = new URL(endpoint);
    const { request: send } = target.protocol === 'https:' ? https : http;
    const server = http.createServer(async (request, response) => {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const body = Buffer.concat(chunks);
        const { hostname, port } = target;
        const passed = send({ hostname, port, method: request.method, path: request.url, headers: request.headers }, async answer => {
            const parts = [];
            for await (const part of answer) parts.push(part);
            if (body.includes('CommitTransaction')) {
                seen.commits += answer.statusCode === 200 ? 1 : 100;
                response.writeHead(400, { 'content-type': answer.headers['content-type'], 'x-amzn-ErrorType': CODE });
                return response.end(JSON.stringify({ __type: CODE, Message: 'Nobody knows yet' }));
            }
            response.writeHead(answer.statusCode, answer.headers);
            return response.end(Buffer.concat(parts));
        });
        passed.on('error', () => response.destroy());
        passed.end(body);
    });
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
    return { seen, server, url: `http://127.0.0.1:${server.address().port}` };
};

test('a commit whose outcome nobody knows is raised and not tried again', async () => {
    const control = new QLDB({ ...options, endpoint });
    const ledger = `n-${randomUUID().replaceAll('-', '').slice(0, 20)}`;
    await control.send(new CreateLedgerCommand({ Name: ledger, PermissionsMode: 'ALLOW_ALL', DeletionProtection: false }));
    const { seen, server, url } = await forgetful();
    const driver = new qldb.QldbDriver(ledger, { ...options, endpoint }, {}, 10);
    const doubting = new qldb.QldbDriver(ledger, { ...options, endpoint: url }, {}, 10);
    await driver.executeLambda(txn => txn.execute('CREATE TABLE doubt'));
    let runs = 0;
    await assert.rejects(doubting.executeLambda(async txn => {
        runs += 1;
        await txn.execute("INSERT INTO doubt VALUE {'n': 1}");
    }), { name: CODE });
    assert.deepEqual([runs, seen.commits], [1, 1]);
    const rows = await driver.executeLambda(async txn => (await txn.execute('SELECT VALUE n FROM doubt')).getResultList());
    assert.deepEqual(rows.map(row => row.numberValue()), [1]);
    doubting.close();
    driver.close();
    server.close();
    server.closeAllConnections();
    await control.send(new DeleteLedgerCommand({ Name: ledger }));
});
