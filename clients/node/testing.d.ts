import type { Server, StartOptions } from './index.js';

/**
 * Starts a server in memory before the tests of a file, or of the `describe` block around the call, and stops it after them.
 * Use what it returns inside tests.
 */
export function useLedger(options?: Partial<StartOptions>): Omit<Server, 'stop'>;
