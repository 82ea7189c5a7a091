# Stops the database server when the last process that uses it is gone.
#   $1  data directory
#   $2  signal that stops it: INT (orderly) or QUIT (at once)
#   $3  directory to remove afterwards, or nothing
# Standard input is the lifeline: the server's process id comes in as a line, and the end of the
# input means that nobody is left.
trap '' INT TERM HUP

server=
while read -r word; do
    case $word in [0-9]*) server=$word ;; esac
done
# Who opens the lifeline from now on learns that it is too late.
exec </dev/null

pidfile=$1/postmaster.pid
is_ours() { [ "$(head -n 1 "$pidfile" 2>/dev/null)" = "$server" ]; }
runs() { kill -0 "$server" 2>/dev/null; }

if [ -n "$server" ]; then
    # Just started, it has not written its file yet.
    tries=50
    until is_ours || ! runs || [ $tries -eq 0 ]; do
        sleep 0.1
        tries=$((tries - 1))
    done
    is_ours && kill "-$2" "$server"
    tries=100
    while is_ours && runs; do
        tries=$((tries - 1))
        [ $tries -eq 0 ] && kill -QUIT "$server"
        [ $tries -lt -50 ] && break
        sleep 0.1
    done
fi

[ -z "$3" ] || rm -rf -- "$3"
