//! The scenarios that are compiled in.
