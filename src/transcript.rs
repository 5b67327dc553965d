//! A run as text: what each session sent and what came back.
