//! Splitting, classifying and colouring SQL.
