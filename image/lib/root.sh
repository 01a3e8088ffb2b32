# The root: Debian's packages, PocketAI's programs and units, and nothing that is not needed.
# shellcheck shell=bash

# What only building takes, and what a read-only system never uses.
drop_packages() {
    local tree=$1 list
    list=$(entries "${droppings[@]}" | tr '\n' ' ')
    # The database of packages stays as they were unpacked: it is what the list of contents is made from.
    for package in $list; do
        local files=("$tree/var/lib/dpkg/info/$package.list" "$tree/var/lib/dpkg/info/$package:arm64.list")
        for file in "${files[@]}"; do
            [[ -e $file ]] || continue
            while read -r path; do
                [[ -d $tree$path && ! -L $tree$path ]] || rm -f "$tree$path"
            done <"$file"
        done
    done
}

# The image's own files, PocketAI's programs, units and rules, users.
add_own() {
    local tree=$1 program
    cp --recursive --no-preserve=ownership,timestamps "$repo/image/root/." "$tree/"
    if [[ -n $set ]]; then
        cp --recursive --no-preserve=ownership,timestamps "$repo/image/kiosk/root/." "$tree/"
        # One that has it and one that has not are no updates of each other.
        sed -i "s/^compatible=.*/&$set/" "$tree/etc/rauc/system.conf"
    fi
    install -D -m 0644 -t "$tree/usr/lib/systemd/system" "$repo"/systemd/*.{service,socket,timer,path,target} 2>/dev/null || true
    install -D -m 0644 -t "$tree/usr/lib/udev/rules.d" "$repo"/udev/*.rules 2>/dev/null || true
    for program in "${programs[@]}"; do
        install -m 0755 "$work/programs/$target_triple/$program" "$tree/usr/bin/$program"
    done
    in_tree "$tree" systemd-sysusers
    install -d -m 0755 "$tree"/{efi,data,keystore} "$tree/usr/share/pocketai"
    install -m 0644 "$signing_certificate" "$tree/usr/share/pocketai/release.pem"
    echo "$version" >"$tree/usr/share/pocketai/version"
    git -C "$repo" describe --always --dirty >"$tree/usr/share/pocketai/commit"
}

# What starts by itself, and what never does: no login on any screen or line, no time from the network.
choose_units() {
    local tree=$1 enabled masked
    mapfile -t enabled < <(entries "$repo"/image/units/enabled.list ${set:+"$repo/image/kiosk/enabled.list"})
    mapfile -t masked < <(entries "$repo/image/units/masked.list")
    in_tree "$tree" systemctl --root=/ preset-all --preset-mode=disable-only >/dev/null 2>&1 || true
    in_tree "$tree" systemctl --quiet enable "${enabled[@]}"
    in_tree "$tree" systemctl --quiet mask "${masked[@]}"
    in_tree "$tree" systemctl --quiet set-default multi-user.target
}

clean_tree() {
    local tree=$1
    rm -rf "${tree:?}"/{boot,var,tmp,run,root,home,srv,mnt,media,opt}/{*,.[!.]*}
    rm -rf "${tree:?}"/usr/share/{doc,man,info,locale,lintian,bug,bash-completion,zsh,perl5,i18n,common-licenses.d,doc-base,menu,pixmaps,polkit-1}
    rm -rf "${tree:?}"/usr/lib/{udev/hwdb.d,python3*,grub,dracut,kernel,modules/*/build,modules/*/source} "${tree:?}"/usr/{include,src,games,local}
    rm -f "${tree:?}"/.made-* "$tree"/etc/{hostname,resolv.conf,dracut.conf,machine-id,ssh/ssh_host_*,shadow-,passwd-,group-,gshadow-,.pwd.lock,subuid*,subgid*} "$tree/usr/lib/udev/hwdb.bin"
    rm -rf "${tree:?}"/etc/{apt,cron.*,dpkg,init.d,rc?.d,alternatives.d,default/grub*,grub.d,kernel,initramfs-tools,dracut.conf.d,skel,pam.d/chfn}
    # Device trees come from the firmware, or from the boot partition of boards that have none.
    rm -rf "${tree:?}"/usr/lib/linux-image-* "$tree"/vmlinuz* "$tree"/initrd.img* "$tree"/usr/share/{grub,zoneinfo,gcc}
    # Each runs at every start, twice: kept are those whose units are used (fstab, the root's hashes, and what
    # a kernel command line masks).
    find "$tree/usr/lib/systemd/system-generators" -type f ! -name 'systemd-fstab-generator' \
        ! -name 'systemd-veritysetup-generator' ! -name 'systemd-debug-generator' -delete
    # Nobody logs in on a screen, and nothing here calls out by ssh.
    rm -f "${tree:?}"/usr/sbin/{agetty,getty,sulogin,zic,iconvconfig,mkhomedir_helper,pam*} "$tree"/usr/bin/{ssh,ssh-agent,ssh-add,ssh-keyscan,scp,sftp,slogin,login,localedef,su}
    rm -rf "${tree:?}"/etc/{ssh/moduli,ssh/ssh_config,ssh/ssh_config.d,update-motd.d,profile.d,ufw,sv,runit,selinux}
    find "$tree/usr/bin" "$tree/usr/sbin" -name 'grub-*' ! -name grub-editenv -delete
    # A locked password would keep the owner's key out as well; this one lets no password in.
    sed -i 's/^owner:[^:]*:/owner:*:/' "$tree/etc/shadow"
    # When each was made is when the image was, whenever its packages were unpacked.
    sed -i -E "s/^([^:]*:[^:]*):[0-9]*:/\1:$((SOURCE_DATE_EPOCH / 86400)):/" "$tree/etc/shadow"
    echo pocketai >"$tree/etc/hostname"
    : >"$tree/etc/machine-id"
    ln -s /run/systemd/resolve/resolv.conf "$tree/etc/resolv.conf"
    # The file systems of RAM are mounted over these.
    mkdir -p "$tree"/{boot,var,tmp,run}
}

# The image's own systemd looks at every unit of ours, in the tree that it will run in.
verify_units() {
    local tree=$1 units said
    mapfile -t units < <(find "$repo/systemd" ${set:+"$repo/image/kiosk/root/usr/lib/systemd"} -type f -printf '%f\n' | sort | sed 's/@\./@test./')
    said=$(in_tools systemd-analyze verify --root="$tree" --man=no --recursive-errors=no "${units[@]}" 2>&1) ||
        fail "systemd finds fault with the units: $said"
    [[ -z $said ]] || fail "systemd finds fault with the units: $said"
}

make_root() {
    say "root"
    rm -rf "$root"
    cp --archive "$pruned" "$root"
    add_own "$root"
    choose_units "$root"
    mkdir -p "$work/out"
    cp "$root/var/lib/dpkg/status" "$work/out/dpkg-status"
    drop_packages "$root"
    clean_tree "$root"
    verify_units "$root"
    du -sh "$root" >&2
}
