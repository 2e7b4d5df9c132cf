# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
#
# A test's own libvirtd. A script sources this after lib.sh and calls need_libvirtd; then it has a daemon to itself, in
# its own session, with all files under $LIBVIRT. The daemon needs no service, bus, cgroup or network of the system. As
# root it belongs to the user nobody, because root's libvirtd is the system's and ignores where it should put its files.
# When the script ends, it ends the domains and the daemon, and nothing else. README.md has more.

LIBVIRT=$WORK/libvirt
LIBVIRT_SOCKET=$LIBVIRT/run/libvirt/libvirt-sock
export LIBVIRT_DEFAULT_URI="qemu+unix:///session?socket=$LIBVIRT_SOCKET"
# The same daemon through a URI with a host name, so that it counts as another machine's.
export LIBVIRT_REMOTE_URI="qemu+ext://elsewhere/session?command=$LIBVIRT/tunnel"
# A client must not start a daemon when its own is absent.
export LIBVIRT_AUTOSTART=0

# The user that the daemon runs as.
libvirt_user=()
[ "$(id -u)" -ne 0 ] || libvirt_user=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
libvirtd_pid=

libvirt_problem()
{
	if ! command -v libvirtd virsh >/dev/null; then
		echo "no libvirtd here"
	elif ! command -v qemu-system-x86_64 >/dev/null; then
		echo "no qemu-system-x86_64 here"
	elif [ ${#libvirt_user[@]} -ne 0 ] && ! "${libvirt_user[@]}" true 2>/dev/null; then
		echo "root cannot become nobody here"
	fi
}

# All files of the daemon, and a copy of the guest that it can read.
make_libvirt_files()
{
	chmod 711 "$WORK"
	mkdir "$LIBVIRT" "$LIBVIRT"/{run,config,cache,data,home} "$LIBVIRT/config/libvirt"
	cat >"$LIBVIRT/libvirtd.conf" <<-END
		listen_tls = 0
		listen_tcp = 0
		auth_unix_rw = "none"
	END
	# Otherwise it starts a virtlogd.
	echo 'stdio_handler = "file"' >"$LIBVIRT/config/libvirt/qemu.conf"
	install -m 644 "$GUEST" "$LIBVIRT/guest.elf"
	# The connection to a daemon on a named host: as through ssh, but to this host.
	cat >"$LIBVIRT/tunnel" <<-END
		#!/bin/sh
		exec ${libvirt_user[*]} env HOME="$LIBVIRT/home" XDG_RUNTIME_DIR="$LIBVIRT/run" \\
			virt-ssh-helper qemu:///session
	END
	chmod 755 "$LIBVIRT/tunnel"
	[ ${#libvirt_user[@]} -eq 0 ] || chown -R nobody:nogroup "$LIBVIRT"
}

# Returns when the daemon answers. One that was killed while QEMU answered it may not come to terms with that domain when it
# is back, and then holds everybody up: it is killed as well, for the next one to do better. Descriptor 9 belongs to the
# script.
start_libvirtd()
{
	local attempt

	for attempt in 1 2 3; do
		setsid env -i PATH="$PATH" HOME="$LIBVIRT/home" XDG_RUNTIME_DIR="$LIBVIRT/run" \
			XDG_CONFIG_HOME="$LIBVIRT/config" XDG_CACHE_HOME="$LIBVIRT/cache" \
			XDG_DATA_HOME="$LIBVIRT/data" "${libvirt_user[@]}" \
			libvirtd --config "$LIBVIRT/libvirtd.conf" --pid-file "$LIBVIRT/libvirtd.pid" \
			>"$LIBVIRT/libvirtd.log" 2>&1 </dev/null 9>&- &
		libvirtd_pid=$!
		within_seconds 60 timeout 20 virsh --quiet list && return
		echo "libvirtd does not answer, attempt $attempt: it is killed" >&2
		tail -n 5 "$LIBVIRT/libvirtd.log" >&2
		kill -KILL "$libvirtd_pid" 2>/dev/null
		wait "$libvirtd_pid" 2>/dev/null
	done
	return 1
}

# Ends the daemon in good order; its domains stay. One that does not end is killed, which fails no test by itself.
end_libvirtd()
{
	kill -CONT "$libvirtd_pid" 2>/dev/null
	kill -TERM "$libvirtd_pid" 2>/dev/null
	within_seconds 60 is_over "$libvirtd_pid" || {
		echo "libvirtd does not end: it is killed" >&2
		kill -KILL "$libvirtd_pid" 2>/dev/null
	}
	wait "$libvirtd_pid" 2>/dev/null
}

# wait_until WHAT COMMAND...: waits until the command succeeds; fails only on a hang.
wait_until()
{
	local what=$1

	shift
	within "$@" && return
	echo "waited for too long until $what" >&2
	return 1
}

# The processes of domains, from the files in which the daemon keeps their numbers. A number may have been reused by
# now, so QEMU's command line must also contain the daemon's directory.
domain_pids()
{
	local file pid

	for file in "$LIBVIRT"/run/libvirt/qemu/run/*.pid; do
		pid=$(cat "$file" 2>/dev/null) || continue
		tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$LIBVIRT/" && echo "$pid"
	done 2>/dev/null
}

domain_pid()
{
	cat "$LIBVIRT/run/libvirt/qemu/run/$1.pid"
}

# Domains outlive their daemon, so they are killed first.
stop_libvirtd()
{
	local pid

	[ -n "$libvirtd_pid" ] || return 0
	for pid in $(domain_pids); do
		kill -KILL "$pid" 2>/dev/null
	done
	end_libvirtd
	# A domain that was just starting.
	for pid in $(domain_pids); do
		kill -KILL "$pid" 2>/dev/null
	done
	libvirtd_pid=
}
trap 'stop_libvirtd; clean_up' EXIT

# domain_xml NAME [OPTION of domxml...]: the domain's console is also logged to $LIBVIRT/NAME.log. A reset ends it, as domxml
# has it, or does what ON_REBOOT says.
domain_xml()
{
	local name=$1

	shift
	"$PAGEVISOR" domxml --name "$name" --kernel "$LIBVIRT/guest.elf" "$@" |
		sed "s|</serial>|<log file='$LIBVIRT/$name.log' append='off'/></serial>|
			s|<on_reboot>destroy<|<on_reboot>${ON_REBOOT:-destroy}<|"
}

# domain_start NAME [OPTION of domxml...]
domain_start()
{
	domain_xml "$@" | virsh --quiet create /dev/stdin >"$WORK/virsh.log" 2>&1 || {
		cat "$WORK/virsh.log" >&2
		return 1
	}
}

domain_is_gone()
{
	! virsh --quiet domstate "$1" >/dev/null 2>&1
}

# domain_says NAME PATTERN: whether its console has a matching line.
domain_says()
{
	grep -Eq "$2" "$LIBVIRT/$1.log" 2>/dev/null
}

# A sanitizer intercepts some functions of libtirpc, and looks the real ones up when a program starts. libvirt, which
# calls them, is loaded later. So libtirpc must be loaded from the start, or the interceptors call nothing.
with_libtirpc=()
# prepare_sanitized PART: to be called before need_libvirtd.
prepare_sanitized()
{
	local runtime

	is_sanitized || return 0
	runtime=$(ldd "$PAGEVISOR" | awk '/lib[at]san/ { print $3 }')
	case $runtime in
	*libtsan*)
		skip "$1" "ThreadSanitizer does not know what orders the threads of libvirt and GLib"
		finish
		;;
	esac
	# The threads of libvirt's calls may be ending when a program ends, which sometimes kills LeakSanitizer's
	# tracer.
	export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
	with_libtirpc=(env "LD_PRELOAD=$runtime libtirpc.so.3")
	# A copy that any user may run.
	install -m 755 "$PAGEVISOR" "$WORK/program"
	printf '#!/bin/sh\nexec %s "%s" %s "$@"\n' "${with_libtirpc[@]}" "$WORK/program" >"$WORK/pagevisor"
	chmod 755 "$WORK/pagevisor"
	PAGEVISOR=$WORK/pagevisor
}

# Ends the script successfully when there is no libvirt.
need_libvirtd()
{
	local problem

	problem=$(libvirt_problem)
	if [ -n "$problem" ]; then
		skip "$1" "$problem"
		finish
	fi
	make_libvirt_files
	start_libvirtd || {
		tail -n 20 "$LIBVIRT/libvirtd.log" >&2
		fail "$1" "its libvirtd does not start"
		finish
	}
}
