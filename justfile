# The project's commands. README's two, `cargo run --release` and `cargo test`, work without `just`.

# Open the console
run *arguments:
    cargo run --release -- {{arguments}}

# All tests
test *arguments:
    cargo test {{arguments}}

# Formatting, lints, documentation
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Speed, each figure beside its peer
bench *arguments:
    cargo bench {{arguments}}

# What the machine that judges a change runs
ci:
    .ci/run
