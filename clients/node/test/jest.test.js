// `useLedger` under Jest.
const { useLedger } = require('everstrand/jest');

const server = useLedger({ ledger: 'jest' });

test('a server of the test file', async () => {
    expect(server.ledger).toBe('jest');
    expect((await fetch(`${server.endpoint}/health`)).status).toBe(200);
});
