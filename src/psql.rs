//! Results drawn as psql draws them.
