//! One definition of QLDB's two wire protocols, for both ends.
