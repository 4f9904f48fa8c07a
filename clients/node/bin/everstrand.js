#!/usr/bin/env node
// Runs the program of the package for this platform, with the same arguments, and ends as it ends.
'use strict';

const { spawn } = require('node:child_process');
const { binary } = require('../index.js');

const child = spawn(binary(), process.argv.slice(2), { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
    console.error(`everstrand: ${error.message}`);
    process.exit(2);
});
child.on('close', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
});
