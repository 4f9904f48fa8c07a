//! Both QLDB APIs over ledgers: bytes in, bytes out.
