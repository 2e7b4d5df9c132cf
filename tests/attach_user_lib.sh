# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash disable=SC2153
#
# Where an ordinary user's VMs are found, with a session and without. For attach.sh.

# Run by root in a mount namespace of its own, with the command, the user, a folder of that user, and how to become it. A VM
# starts before the user has a session, one later.
# shellcheck disable=SC2016 # another shell expands it
late_session='
	pagevisor=$1 user=$2 own=$3
	shift 3
	trap "kill \$(jobs -p) 2>/dev/null" EXIT
	runs() { "$@" ps | grep -q "^$name .* running "; }
	mount -t tmpfs none /run || exit
	"$@" "$pagevisor" run --name early --memory 16M --cpus 1 --time 0 --quiet >/dev/null &
	name=early
	until runs "$@" "$pagevisor"; do sleep 0.1; done
	mkdir /run/user && install -d -m 700 -o "$user" "/run/user/$user"
	"$@" "$pagevisor" run --name late --memory 16M --cpus 1 --time 0 --quiet >/dev/null &
	name=late
	until runs "$@" "$pagevisor"; do sleep 0.1; done
	"$@" "$pagevisor" ps | sed -n "s/^early .* running .*/early: VM/p"
	"$@" "$pagevisor" stat early >/dev/null; one=$?
	"$@" env XDG_RUNTIME_DIR="/run/user/$user/" "$pagevisor" stat early >/dev/null; two=$?
	"$@" "$pagevisor" stat late >/dev/null
	echo "early: status $one $two $?"
	"$@" "$pagevisor" run --name early --memory 16M --ops 1 2>&1 | sed "s/^/again: /"
	"$@" env XDG_RUNTIME_DIR="$own" "$pagevisor" ps | sed "s/^/alone: /"
	for folder in "/tmp/pagevisor-$user" "/run/user/$user/pagevisor"; do
		ls "$folder" | sed "s|^|$folder:|"
	done
	"$@" "$pagevisor" stop early >/dev/null; one=$?
	"$@" "$pagevisor" stop late >/dev/null
	echo "ended: status $one $?"
	wait
'

# Where an ordinary user's VMs are found without XDG_RUNTIME_DIR.
test_default_directory()
{
	local place=$WORK/ordinary guest=$((100000 + $$)) remedy='; set XDG_RUNTIME_DIR to a directory of your own$'
	local mine=/tmp/pagevisor-$guest run=("$place/pagevisor" run --memory 16M --ops 1000)
	# A user that has neither a session nor a name, such as a service's.
	local as_guest=(env -u XDG_RUNTIME_DIR setpriv --reuid "$guest" --regid "$guest" --clear-groups)
	# What systemd makes for a session. The path is printed if there is a directory at the end.
	local session="mount -t tmpfs none /run && mkdir /run/user && install -d -m 700 -o $guest /run/user/$guest &&
		\"\$@\" && ls -d /run/user/$guest/pagevisor"

	if [ "$(id -u)" -ne 0 ] || ! "${as_guest[@]}" true 2>/dev/null; then
		skip "an ordinary user" "only root may become another user"
		return
	fi
	chmod 755 "$WORK"
	mkdir "$place"
	cp "$PAGEVISOR" "$GUEST" "$place"
	rm -rf "$mine"
	expect "a user without a session runs a VM" 0 'out:ended well' '!err:cannot inspect' -- "${as_guest[@]}" "${run[@]}"
	check "its directory is its own" [ "$(stat -c '%u %a' "$mine")" = "$guest 700" ]
	expect "and looks for it there" 1 'err:no VM is running' -- "${as_guest[@]}" "$place/pagevisor" stat
	chown 0 "$mine"
	chmod 755 "$mine"
	expect "a directory that another user made" 1 "err:$mine belongs to another user$remedy" -- "${as_guest[@]}" "$place/pagevisor" stat
	rmdir "$mine"
	install -d -m 700 -o "$guest" "$WORK/elsewhere"
	ln -s "$WORK/elsewhere" "$mine"
	expect "a link that another user made" 1 "err:$mine: Not a directory$remedy" -- "${as_guest[@]}" "$place/pagevisor" stat
	expect "the directory of root, as su leaves it" 1 "err:Permission denied$remedy" -- \
		"${as_guest[@]}" env XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" "$place/pagevisor" stat
	rm "$mine"
	if unshare --mount mount -t tmpfs none /run 2>/dev/null; then
		expect "the directory of a session" 0 'out:ended well' "out:^/run/user/$guest/pagevisor$" '!err:cannot inspect' -- \
			unshare --mount sh -c "$session" sh "${as_guest[@]}" "${run[@]}"
		check "no other is made" [ ! -e "$mine" ]
		install -d -m 700 -o "$guest" "$WORK/own"
		expect "a session that comes after a VM" 0 '!err:.' 'out:^early: VM$' 'out:^early: status 0 0 0$' \
			"out:^again: pagevisor: a VM named 'early' runs already, as process [0-9]+: " 'out:^alone: NAME' '!out:alone: (early|late)' \
			'out:^ended: status 0 0$' "out:^$mine:early.[0-9]+.sock$" "out:^/run/user/$guest/pagevisor:late.[0-9]+.sock$" -- \
			unshare --mount bash -c "$late_session" bash "$place/pagevisor" "$guest" "$WORK/own" "${as_guest[@]}"
		rmdir "$mine"
	else
		skip "the directory of a session" "no mount namespaces here"
	fi
	chmod 700 "$WORK"
}
