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

# The README's pictures: the console in tmux, up to where Mallory waits and then to the end, exported by its own key
screenshots:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --release
    assets=$PWD/assets program=$PWD/target/release/overbooked folder=$(mktemp -d)
    stage() { tmux -L screenshots "$@"; }
    wait_for() { for _ in {1..300}; do stage capture-pane -p | grep -q "$1" && return; sleep 0.1; done; echo "no $1" >&2; exit 1; }
    trap 'stage kill-server; rm -r "$folder"' EXIT
    stage new -d -x 120 -y 40 -c "$folder" env COLORTERM=truecolor LANG=C.UTF-8 "$program"
    wait_for 'On stage'
    stage send-keys Enter
    wait_for 'mallory=#'
    for step in {2..9}; do stage send-keys F5; wait_for "step $step of"; done
    sleep 1 # what has just changed is lit for a moment
    stage send-keys C-s
    wait_for 'written: adjacent-seats.md'
    for step in 10 11; do stage send-keys F5; wait_for "step $step of"; done
    stage send-keys F5
    wait_for 'all 11 steps played'
    stage resize-window -x 146 -y 32
    stage send-keys F4
    wait_for 'who did what when'
    sleep 1
    stage send-keys C-s
    wait_for 'written: adjacent-seats-2.md'
    mv "$folder/adjacent-seats.svg" "$assets/console.svg"
    mv "$folder/adjacent-seats-2.svg" "$assets/time-line.svg"

# What the machine that judges a change runs
ci:
    .ci/run
