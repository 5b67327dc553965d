# Runs a server for exactly as long as somebody holds the other end of standard input.
#
#   supervisor.sh SIGNAL FOLDER LOG SERVER ARGUMENT...
#
# The end of standard input, however it comes about (a quit, a panic, kill -9 of the console), ends the server with SIGNAL and
# removes FOLDER. A line on standard input ends the server and keeps the folder, for another start.
# Standard output is the server's alone: it ends when the last of the server's processes is gone.
signal=$1 folder=$2 log=$3
shift 3
exec 3<&0 </dev/null

"$@" 3<&- 2>>"$log" &
server=$!
exec >/dev/null 2>&1

read -r keep <&3 && keep=yes

# A shell starts background programs with SIGINT and SIGQUIT ignored. Until the server has set its own handlers
# only SIGTERM reaches it, and once it has, SIGTERM alone would wait for its clients.
kill -s TERM "$server"
kill -s "$signal" "$server"
wait "$server"

[ "$keep" ] || rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
