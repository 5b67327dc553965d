//! PostgreSQL's protocol, from the client's side.
