#!/usr/bin/env bash
# The image's own system as far as `update`, `storage format` and `ssh-keys` see it, in a mount namespace of its own, for one
# run of them:
#   unshare --mount system.sh FOLDER IMAGE_ROOT COMMAND…
#   FORMAT=N unshare --mount system.sh FOLDER IMAGE_ROOT format     of a release that keeps the data so
#   unshare --mount system.sh FOLDER IMAGE_ROOT ssh-keys            of a start
# FOLDER/data, FOLDER/run and FOLDER/efi are the device's. RAUC is real where it looks at bundles; there is no
# second slot to write, and nothing to start again: those two note what they were asked for.
set -euo pipefail
folder=$1 image=$2
shift 2
root=$folder/root
mount --make-rprivate /
mkdir -p "$folder"/{root,layers,data/update,data/rauc/update,run/pocketai-update,efi/pocketai}
mount -t tmpfs tmpfs "$root"
mount -t tmpfs tmpfs "$folder/layers"
mkdir -p "$root"/{usr,etc,proc,dev,tmp,data,efi,run} "$folder"/layers/{usr,usr.work,etc,etc.work}
for name in bin sbin lib lib64; do
    [[ ! -L /$name ]] || ln -s "usr/$name" "$root/$name"
done
for name in usr etc; do
    mount -t overlay overlay -o "lowerdir=/$name,upperdir=$folder/layers/$name,workdir=$folder/layers/$name.work" "$root/$name"
done
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
for name in data efi run; do mount --bind "$folder/$name" "$root/$name"; done
printf 'quiet rauc.slot=A panic=10 pocketai.format=%s\n' "${FORMAT:-1}" >"$folder/cmdline"
mount --bind "$folder/cmdline" "$root/proc/cmdline"

mkdir -p "$root"/usr/share/pocketai "$root"/usr/lib/pocketai "$root"/etc/rauc
if [[ -e $folder/release.pem ]]; then cp "$folder/release.pem" "$root/usr/share/pocketai/release.pem"; fi
echo 2.0 >"$root/usr/share/pocketai/version"
cp "$image/usr/lib/pocketai/"{update,storage,ssh-keys} "$root/usr/lib/pocketai/"
cp "$image/etc/rauc/system.conf" "$root/etc/rauc/system.conf"

mkdir -p "$root/usr/stands-in"
cat >"$root/usr/stands-in/rauc" <<'RAUC'
#!/bin/bash
[[ $1 == install ]] || exec /usr/bin/rauc "$@"
cp /run/pocketai-update/state /data/while-installing
[[ ! -e /data/no-card ]] || exit 1
cp "$2" /data/slot-b
RAUC
printf '#!/bin/bash\necho "$*" >>/data/restarts\n' >"$root/usr/stands-in/systemctl"
printf '#!/bin/bash\n' >"$root/usr/stands-in/sleep"
# A card that fails in the middle of a copy.
printf '#!/bin/bash\n/usr/bin/cp "$@" && [[ ! -e /data/no-copy ]]\n' >"$root/usr/stands-in/cp"
chmod 0755 "$root"/usr/stands-in/*
inside() { chroot "$root" /usr/bin/env PATH=/usr/stands-in:/usr/sbin:/usr/bin "$@"; }
if [[ $1 == format ]]; then
    inside /usr/lib/pocketai/storage format
    exit
fi
if [[ $1 == ssh-keys ]]; then
    inside /usr/lib/pocketai/ssh-keys
    exit
fi
update() { inside /usr/lib/pocketai/update "$@"; }
update "$@"
# As the unit does.
[[ $1 != asked ]] || update restart
