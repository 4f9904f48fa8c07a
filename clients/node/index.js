// The program of this package, and servers started with it.
'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { createInterface } = require('node:readline');

/** The path of the program: EVERSTRAND_BINARY, or the package for this platform. */
function binary() {
    if (process.env.EVERSTRAND_BINARY) return process.env.EVERSTRAND_BINARY;
    const platform = `@everstrand/${process.platform}-${process.arch}`;
    try {
        return require.resolve(`${platform}/bin/everstrand`);
    } catch {
        throw new Error(
            `there is no package ${platform}: either this platform has none, or npm was told to leave optional dependencies out. ` +
                'EVERSTRAND_BINARY can name a program that was built elsewhere',
        );
    }
}

/** Starts a server on 127.0.0.1, and resolves when it answers. See index.d.ts. */
async function start(options = {}) {
    const { memory = false, path, ledger = 'ledger', ledgers = [ledger], port = 0, strict = false, args = [] } = options;
    if (memory && path !== undefined) throw new TypeError('memory and path exclude each other');
    if (!memory && path === undefined) throw new TypeError('say memory: true, or name the folder of the ledgers as path');
    const child = spawn(
        binary(),
        [
            'serve',
            '--listen',
            `127.0.0.1:${port}`,
            ...(memory ? ['--in-memory'] : ['--data', path]),
            ...ledgers.flatMap((name) => ['--create-ledger', name]),
            ...(strict ? ['--strict'] : []),
            ...args,
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const said = [];
    child.stderr.on('data', (part) => {
        said.push(part);
        process.stderr.write(part);
    });
    // A test runner that ends without `stop` leaves no server behind.
    const kill = () => child.kill();
    process.once('exit', kill);
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
    ended.finally(() => process.removeListener('exit', kill)).catch(() => {});

    const lines = createInterface({ input: child.stdout });
    const endpoint = await Promise.race([
        once(lines, 'line').then(([line]) => line.replace(/^everstrand listening on /, '')),
        ended.then(({ code, signal }) => {
            throw new Error(`the server ended at once (${code ?? signal}): ${Buffer.concat(said).toString().trim()}`);
        }),
    ]);
    lines.resume();
    // The server alone does not keep the process running.
    child.unref();
    child.stdout.unref();
    child.stderr.unref();

    return {
        endpoint,
        ledger: ledgers[0],
        ledgers,
        clientOptions: { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } },
        async stop() {
            child.ref();
            child.kill('SIGTERM');
            const { code, signal } = await ended;
            if (code !== 0) throw new Error(`the server ended with ${code ?? signal}`);
        },
    };
}

exports.binary = binary;
exports.start = start;
