//! The crate's front page maps every public name of pyqldb 1.x, 2.x and 3.x to what takes its place here.

/// Classes, functions, methods, properties and arguments of pyqldb 1.0.0, 2.0.2 and 3.2.4 whose names do not begin with an
/// underscore.
const PYQLDB: &str = "
    BaseQldbDriver QldbDriver PooledQldbDriver ledger_name retry_limit read_ahead executor region_name verify endpoint_url
    aws_access_key_id aws_secret_access_key aws_session_token config boto3_session boto3_session_client
    max_concurrent_transactions pool_limit timeout retry_config get_session execute_lambda execute_statement list_tables
    retry_indicator close
    BaseQldbSession QldbSession PooledQldbSession session_id session_token start_transaction
    Executable Executor Transaction transaction_id commit abort is_closed is_open
    StreamCursor ReadAheadCursor BufferedCursor get_consumed_ios get_timing_information
    SessionClient start_session fetch_page commit_transaction abort_transaction end_session id token client
    RetryConfig base custom_backoff
    is_occ_conflict_exception is_invalid_session_exception is_transaction_expired_exception is_retriable_exception
    is_bad_request_exception
    DriverClosedError SessionPoolEmptyError LambdaAbortedError StartTransactionError ExecuteError IllegalStateError
    TransactionClosedError SessionClosedError ResultClosedError
    QldbHash to_qldb_hash dot AtomicInteger
";

/// The compiler of the documentation checks that what the right column links to exists.
#[test]
fn every_name_of_pyqldb_has_its_row() {
    let page = include_str!("../../src/lib.rs");
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"))
        .map(|row| row.split(" | ").next().unwrap_or_default())
        .collect();
    let names: Vec<&str> = rows
        .iter()
        .flat_map(|row| row.split(['`', ',', ' ', '(', ')']))
        .filter(|word| !word.is_empty())
        .collect();
    for name in PYQLDB.split_whitespace() {
        assert!(names.contains(&name), "{name} has no row");
    }
    let known: Vec<&str> = PYQLDB.split_whitespace().collect();
    for row in rows {
        let name = row.split('`').next().unwrap_or_default();
        assert!(known.contains(&name), "{name} is no name of pyqldb");
    }
}
