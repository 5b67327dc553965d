-- What does the server call itself? Every product that speaks the protocol has version(), and hides in it what it is.
SELECT version(), pg_backend_pid()
