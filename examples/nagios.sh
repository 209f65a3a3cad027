#!/bin/sh
# A plugin for Nagios, Icinga or Zabbix: runs a scan and gives its outcome as these monitors read it. Its name of --new
# is not needed: a monitor wants the state, not the news.
out=$(bounceaudit scan --quiet --fail-on blocked 2>&1)
case $? in
    0) word=OK code=0 ;;
    4) word=CRITICAL code=2 ;;
    3) word=WARNING code=1 ;;
    *) word=UNKNOWN code=3 ;;
esac
first=$(printf '%s\n' "$out" | sed -n '/./{p;q;}')
printf 'BOUNCEAUDIT %s - %s\n' "$word" "${first:-nothing to say}"
exit "$code"
