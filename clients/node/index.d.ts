/** What a server is started with. */
export interface StartOptions {
    /** Keep the ledgers in memory only. Either this or `path`. */
    memory?: boolean;
    /** The folder of the ledgers. */
    path?: string;
    /** The ledger to create, by default `ledger`. */
    ledger?: string;
    /** Several ledgers to create, instead of `ledger`. */
    ledgers?: string[];
    /** The port on 127.0.0.1; by default a free one. */
    port?: number;
    /** Refuse statements that QLDB's PartiQL did not have. */
    strict?: boolean;
    /** Further arguments of `everstrand serve`. */
    args?: string[];
}

/** A server that runs. */
export interface Server {
    /** Its URL, without a slash at its end. */
    readonly endpoint: string;
    /** The name of its first ledger. */
    readonly ledger: string;
    /** The names of the ledgers that were created. */
    readonly ledgers: readonly string[];
    /** What the clients of the AWS SDK, and QldbDriver, take as options. */
    readonly clientOptions: {
        endpoint: string;
        region: string;
        credentials: { accessKeyId: string; secretAccessKey: string };
    };
    /** Stops the server, and resolves when it has ended. */
    stop(): Promise<void>;
}

/** Starts a server on 127.0.0.1, and resolves when it answers. */
export function start(options: StartOptions): Promise<Server>;

/** The path of the program: the variable EVERSTRAND_BINARY, or the package for this platform. */
export function binary(): string;
