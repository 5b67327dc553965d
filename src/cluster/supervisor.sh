# Runs a server for exactly as long as somebody holds the other end of standard input.
#
#   supervisor.sh SIGNAL FOLDER LOG SERVER ARGUMENT...
#
# The end of standard input, however it comes about (a quit, a panic, kill -9 of the console), ends the server with SIGNAL and
# removes FOLDER, unless something is in it that neither this program nor a server makes: then all of it stays, for the next start to name.
# A line on standard input ends the server and keeps the folder, for another start.
# Standard output is the server's alone: it ends when the last of the server's processes is gone.
signal=$1 folder=$2 log=$3
shift 3
exec 3<&0 </dev/null
# From here on the folder is known by itself and not by its name.
cd "$folder" || exit

"$@" 3<&- 2>>"$log" &
server=$!
exec >/dev/null 2>&1

read -r keep <&3 && keep=yes

# A shell starts background programs with SIGINT and SIGQUIT ignored. Until the server has set its own handlers
# only SIGTERM reaches it, and once it has, SIGTERM alone would wait for its clients.
kill -s TERM "$server"
kill -s "$signal" "$server"
wait "$server"

# The same rules as layout.rs has. A pattern that matches nothing stands for itself, and is no file.
has_strangers() {
    case $(cat /proc/self/mountinfo 2>/dev/null) in *" $folder/"*) return 0 ;; esac
    for entry in * .[!.]* ..?* overbooked-????????/* overbooked-????????/.[!.]* data/* data/.[!.]* data/..?*; do
        [ -e "$entry" ] || [ -L "$entry" ] || continue
        [ -L "$entry" ] && return 0
        case $entry in
        lock | server.log | data | overbooked-???????? | overbooked-????????/lock) ;;
        .s.PGSQL.*[!0-9]*.lock | .s.PGSQL.*[!0-9]) case $entry in .s.PGSQL.[0-9]*.lock) ;; *) return 0 ;; esac ;;
        .s.PGSQL.[0-9]* | overbooked-????????/.s.PGSQL.[0-9]*) ;;
        data/PG_VERSION | data/postgresql.conf | data/postgresql.auto.conf | data/postgresql.auto.conf.tmp) ;;
        data/pg_hba.conf | data/pg_ident.conf | data/postmaster.opts | data/postmaster.pid) ;;
        data/current_logfiles | data/current_logfiles.tmp | data/backup_manifest) ;;
        data/server.crt | data/server.key | data/root.crt | data/root.crl) ;;
        data/base | data/global | data/log | data/pg_*) [ -d "$entry" ] || return 0 ;;
        *) return 0 ;;
        esac
    done
    for entry in data/*/* data/*/.[!.]* data/*/*/* data/*/*/.[!.]* data/*/*/*/* data/*/*/*/.[!.]*; do
        [ -e "$entry" ] || [ -L "$entry" ] || continue
        case $entry in data/pg_tblspc/*) continue ;; esac
        [ -L "$entry" ] && return 0
        case ${entry##*/} in
        .* | *[!0-9A-Za-z_.-]*) return 0 ;;
        *.backup | *.conf | *.csv | *.deleted | *.done | *.fileset | *.history | *.init | *.json | *.log | *.map) ;;
        *.old | *.partial | *.ready | *.sharedfileset | *.snap | *.spill | *.stat | *.summary | *.tmp | *.pid) ;;
        *.*[!0-9]*) case ${entry##*.} in *[!0-9]*) return 0 ;; esac ;;
        esac
        case $entry in
        data/base/*pgsql_tmp* | data/global/*pgsql_tmp*) ;;
        data/base/* | data/global/*)
            case ${entry##*/} in [0-9]* | t[0-9]* | PG_VERSION | config_exec_params* | pg_*) ;; *) return 0 ;; esac ;;
        esac
    done
    return 1
}

remove_folder() {
    # Somebody may have moved it away, to keep it.
    [ . -ef "$folder" ] || return 0
    has_strangers && return 0
    rm -rf data overbooked-????????/.s.PGSQL.* && rm -rf overbooked-????????/lock && {
        for entry in overbooked-????????; do [ ! -d "$entry" ] || rmdir "$entry"; done
    } && rm -f server.log .s.PGSQL.* && rm -f lock && rmdir "$folder"
}

[ "$keep" ] || remove_folder || { sleep 1; remove_folder; }
