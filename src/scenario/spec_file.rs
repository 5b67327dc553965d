//! isolationtester's files.
