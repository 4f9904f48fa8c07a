//! AWS Signature Version 4 (in preparation).
