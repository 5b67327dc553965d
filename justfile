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

# The README's picture, as text: the console in tmux while Mallory waits
screenshots:
    cargo build --release
    tmux -L screenshots new -d -s picture -x 120 -y 40 target/release/overbooked
    for key in "" "" F5 F5 F5 F5 F5 F5 F5 F5; do sleep 1; [ -z "$key" ] || tmux -L screenshots send-keys -t picture "$key"; done
    sleep 2
    tmux -L screenshots capture-pane -p -t picture > assets/console.txt
    tmux -L screenshots kill-server

# What the machine that judges a change runs
ci:
    .ci/run
