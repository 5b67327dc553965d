//! Our own SQL: one constant for each file in `sql/`.
