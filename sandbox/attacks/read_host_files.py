# row: 1
# rule: No file of the host beyond the image can be opened, whatever its mode.
# stdout: 42 refused
PATHS = """/etc/shadow /etc/gshadow /etc/sudoers /etc/ssh/sshd_config /etc/fstab /etc/crontab /etc/machine-id
/etc/resolv.conf /etc/ssl/private /root/.bashrc /root/.ssh/id_rsa /root/.profile /home /var/log/syslog
/var/lib/dpkg/status /var/run/docker.sock /run/systemd/private /run/dbus/system_bus_socket /boot/vmlinuz
/dev/mem /dev/kmem /dev/kmsg /dev/vda /dev/sda /dev/tty /dev/ptmx /dev/console /dev/fuse /dev/kvm
/dev/net/tun /dev/loop0 /dev/pts/0 /sys/kernel/vmcoreinfo /sys/fs/cgroup/cgroup.procs
/sys/fs/cgroup/memory/cgroup.procs /proc/kcore /proc/keys /proc/sys/kernel/core_pattern
/proc/sysrq-trigger /proc/1/environ /proc/1/mem /opt""".split()
refused = 0
for path in PATHS:
    try:
        open(path, "rb").read(1)
        print("opened", path)
    except OSError as exc:
        if exc.errno in (1, 2, 13, 20):
            refused += 1
        else:
            print(path, exc)
print(refused, "refused")
