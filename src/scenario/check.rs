//! Holding what happened against what a file expects.
