#!/bin/sh
# unpacked.sh courier|cyrus ROOT HOME PORT USER: an IMAP server of a Debian package that excludes Dovecot's, over TLS on
# 127.0.0.1:PORT, for the one USER whose password comes on stdin.
#
# In: ROOT, where tests/run unpacked the packages; HOME, a folder of nobody's with server.crt and server.key, and for Courier the
# Maildir; root, and a mount namespace of its own (unshare --mount --pid --fork), in which ROOT is laid over /usr and /etc, since
# these servers have their paths compiled in. Runs until it is killed.
set -eu

server=$1 root=$2 home=$3 port=$4 user=$5
read -r password

mkdir -p "$home/etc" "$home/work"
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$root/etc:/etc,upperdir=$home/etc,workdir=$home/work" /etc
mount -t tmpfs tmpfs /run

courier() {
    mkdir -p /run/courier/authdaemon
    sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
    cat "$home/server.key" "$home/server.crt" >"$home/server.pem"
    chown nobody:nogroup "$home/server.pem"
    chmod 600 "$home/server.pem"
    hash=$(printf '%s\n' "$password" | userdbpw -md5)
    userdb "$user" set "home=$home" "uid=$(id -u nobody)" "gid=$(id -g nobody)" "imappw=$hash"
    chmod 700 /etc/courier/userdb
    makeuserdb
    # they read variables of one another that nobody set
    set -a +u
    . /etc/courier/imapd
    . /etc/courier/imapd-ssl
    TLS_CERTFILE=$home/server.pem TLS_CACHEFILE='' IMAP_TLS=1
    set +a -u
    /usr/lib/courier/courier-authlib/authdaemond &
    exec couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip=40 -nodnslookup -noidentlookup "$port" \
        /usr/bin/couriertls -server -tcpd /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
}

cyrus() {
    mkdir -p /run/cyrus/socket "$home/spool/stage." "$home/run"
    for folder in socket db log msg proc sync user quota lock; do
        mkdir -p "$home/config/$folder"
    done
    echo "cyrus:x:$(id -u nobody):$(id -g nobody):cyrus:$home:/bin/sh" >>/etc/passwd
    printf %s "$password" | saslpasswd2 -p -c -f "$home/sasldb2" -u "${user#*@}" "${user%@*}"
    cat >"$home/imapd.conf" <<CONFIGURATION
configdirectory: $home/config
partition-default: $home/spool
defaultpartition: default
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $home/sasldb2
sasl_mech_list: PLAIN
virtdomains: userid
defaultdomain: internal.example
unixhierarchysep: yes
altnamespace: yes
autocreate_quota: 0
proc_path: $home/run/proc
mboxname_lockpath: $home/run/lock
duplicate_db_path: $home/run/deliver.db
statuscache_db_path: $home/run/statuscache.db
tls_server_cert: $home/server.crt
tls_server_key: $home/server.key
tls_session_timeout: 0
CONFIGURATION
    programs=/usr/lib/cyrus/bin
    cat >"$home/cyrus.conf" <<CONFIGURATION
START {
  recover cmd="$programs/ctl_cyrusdb -C $home/imapd.conf -r"
}
SERVICES {
  imaps cmd="$programs/imapd -C $home/imapd.conf -s" listen="127.0.0.1:$port" prefork=0
}
CONFIGURATION
    chown -R nobody:nogroup "$home"
    exec "$programs/master" -D -C "$home/imapd.conf" -M "$home/cyrus.conf" -p "$home/run/master.pid"
}

"$server"
