// `useLedger` for Vitest, which cannot be required.
import { afterAll, beforeAll } from 'vitest';
import testing from './testing.js';

export const useLedger = testing.useLedgerWith(beforeAll, afterAll);
