# Runs a server for exactly as long as somebody holds the other end of standard input.
#
#   part_supervisor.sh FOLDER LOG COMPANION SERVER ARGUMENT...
#
# A line on standard input kills the server or starts it again. The end of standard input, however it comes about (a quit, a panic, kill -9 of
# the program), kills it for good: nothing that it has written is needed any more. Its folder is left to the program, or to the next start.
# A companion, where there is one, is there before the server and after it.
folder=$1 log=$2 companion=$3
shift 3
exec 3<&0 </dev/null
# From here on the folder is known by itself and not by its name.
cd "$folder" || exit

start() {
    # Not every server removes the socket of one that was killed.
    rm -f redis.sock localhost:1 localhost:2
    "$@" 3<&- >>"$log" 2>&1 &
    server=$!
    printf '%s\n' "$server" $beside >part.pid
}

end() {
    kill -s KILL "$1"
    wait "$1"
}

beside=
if [ -n "$companion" ]; then
    "$companion" 3<&- >>"$log" 2>&1 &
    beside=$!
fi
start "$@"
while read -r order <&3; do
    case $order in
    kill) end "$server" ;;
    start) start "$@" ;;
    esac
done
end "$server"
[ -z "$beside" ] || end "$beside"
