// `useLedger` under Vitest.
import { expect, test } from 'vitest';
import { useLedger } from 'everstrand/vitest';

const server = useLedger({ ledger: 'vitest' });

test('a server of the test file', async () => {
    expect(server.ledger).toBe('vitest');
    expect((await fetch(`${server.endpoint}/health`)).status).toBe(200);
});
