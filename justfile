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
screenshots program="target/release/overbooked":
    #!/usr/bin/env bash
    set -euo pipefail
    [[ {{program}} != target/release/* ]] || cargo build --release
    assets=$PWD/assets program=$(realpath {{program}}) folder=$(mktemp -d)
    stage() { tmux -L screenshots "$@"; }
    wait_for() { for _ in {1..300}; do stage capture-pane -p | grep -q "$1" && return; sleep 0.1; done; echo "no $1" >&2; exit 1; }
    play_on() { stage send-keys F5; wait_for "$1"; }
    export_screen() { # what has just changed or is released is lit for a moment
        sleep 4
        stage send-keys C-s
        wait_for "written: $1.md"
    }
    trap 'stage kill-server 2> /dev/null || true; rm -r "$folder"' EXIT
    for theme in dark light; do
        mkdir "$folder/$theme"
        stage new -d -x 120 -y 40 -c "$folder/$theme" \
            env COLORTERM=truecolor LANG=C.UTF-8 OVERBOOKED_HISTORY=off "$program" --theme "$theme"
        wait_for 'Sessions:'
        stage send-keys Enter
        wait_for 'mallory=#'
        for step in {2..8}; do play_on "step $step of"; done
        wait_for 'waits for Bob'
        export_screen adjacent-seats
        for step in {9..11}; do play_on "step $step of"; done
        play_on 'all 11 steps played'
        stage resize-window -x 146 -y 32
        stage send-keys F4
        wait_for 'who did what, when'
        export_screen adjacent-seats-2
        stage send-keys C-q
        while stage has-session 2> /dev/null; do sleep 0.1; done
    done
    cat > "$folder/seats.sql" <<'SQL'
    create table seats (seat text primary key, booked_by text);
    insert into seats select 'A-' || n from generate_series(1, 6) n;
    SQL
    for theme in dark light; do
        stage new -d -x 120 -y 30 -c "$folder/$theme" env COLORTERM=truecolor LANG=C.UTF-8 \
            OVERBOOKED_HISTORY=off "$program" debug --theme "$theme" --setup "$folder/seats.sql" \
            --watch seats --listen 127.0.0.1:54339
        wait_for 'DATABASE_URL'
        for name in alice bob; do
            PGAPPNAME=$name psql -X postgres://overbooked@127.0.0.1:54339/postgres -c begin \
                -c "select booked_by from seats where seat = 'A-4'" \
                -c "update seats set booked_by = '$name' where seat = 'A-4'" -c commit \
                > /dev/null 2>&1 &
            wait_for "$name ─ held"
        done
        stage send-keys F6
        wait_for 'bob ─ held .*updates'
        stage send-keys F6
        wait_for 'waiting'
        export_screen race
        stage send-keys C-q
        wait_for 'Leave?'
        stage send-keys y
        while stage has-session 2> /dev/null; do sleep 0.1; done
    done
    mv "$folder/dark/race.svg" "$assets/debugger.svg"
    mv "$folder/light/race.svg" "$assets/debugger-light.svg"
    mv "$folder/dark/adjacent-seats.svg" "$assets/console.svg"
    mv "$folder/dark/adjacent-seats-2.svg" "$assets/time-line.svg"
    mv "$folder/light/adjacent-seats.svg" "$assets/console-light.svg"
    mv "$folder/light/adjacent-seats-2.svg" "$assets/time-line-light.svg"

# What the machine that judges a change runs
ci:
    .ci/run
