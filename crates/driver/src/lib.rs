//! A session to a ledger: SessionClient, QldbSession and QldbDriver.
