# Who signs releases. Nothing private lies in the tree.
# shellcheck shell=bash

# POCKETAI_SIGNING_KEY and POCKETAI_SIGNING_CERT name a release key; else one is made for this work folder.
choose_keys() {
    signing_key=${POCKETAI_SIGNING_KEY:-}
    signing_certificate=${POCKETAI_SIGNING_CERT:-}
    if [[ -n $signing_key ]]; then
        [[ -r $signing_key && -r $signing_certificate ]] ||
            fail "POCKETAI_SIGNING_KEY and POCKETAI_SIGNING_CERT must both name a file that can be read"
        return
    fi
    signing_key=$work/keys/development.key
    signing_certificate=$work/keys/development.pem
    if [[ ! -e $signing_key ]]; then
        mkdir -p "$work/keys"
        chmod 0700 "$work/keys"
        openssl req -x509 -newkey rsa:4096 -nodes -days 3650 -subj "/O=PocketAI/CN=development, not for release" \
            -addext "keyUsage=critical,digitalSignature" -addext "extendedKeyUsage=critical,codeSigning" \
            -keyout "$signing_key" -out "$signing_certificate" 2>/dev/null
    fi
    say "NOT FOR RELEASE: signed with the development key $signing_key. Whoever has that file can update these devices"
}
