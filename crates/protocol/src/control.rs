//! The control API (in preparation).
