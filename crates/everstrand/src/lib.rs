//! An open ledger database, compatible with Amazon QLDB.
