"""A release from where it is published: by the gateway of the image, once its owner said yes."""

import hashlib
import http.server
import ssl
import subprocess
import threading
import time

from .guest import PATIENCE, check
from .steps import bundles, in_data, seen, size

HOST = "releases.example"
# Where the guest finds it; QEMU hands it on to this host.
ADDRESS = "10.0.2.100"
# The gateway asks public name servers and trusts public authorities: neither knows a test.
DROP_IN = """
mkdir -p /run/systemd/system/pocket-gateway.service.d /run/publisher
cat >/run/publisher/ca.pem <<'PEM'
{authority}PEM
cat >/run/systemd/system/pocket-gateway.service.d/test.conf <<'UNIT'
[Service]
ExecStart=
ExecStart=/usr/bin/pocket-gateway --caller pocketai --trust-ca /run/publisher/ca.pem --resolve {host}:443={address}:443
UNIT
systemctl daemon-reload
"""


class Publisher:
    """An https server on this host, with the bundles."""

    def __init__(self, folder, files):
        certificates(folder)
        self.asked, self.authority = [], (folder / "ca.pem").read_text()
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *given):
                super().__init__(*given, directory=str(files))

            def log_message(self, *_):
                asked.append(self.requestline)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


def certificates(folder):
    """An authority, and the server's certificate of it."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["bash", "-euc", f"""
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=authority -keyout ca.key -out ca.pem
        openssl req -newkey rsa:2048 -nodes -subj /CN={HOST} -addext subjectAltName=DNS:{HOST} -keyout server.key -out server.csr
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 30 -copy_extensions copy -out server.pem
    """], cwd=folder, check=True, capture_output=True)


def fetched(bench):
    """a release is fetched by the gateway, not before its owner lets it, and is the one that was published"""
    files = bundles(bench)
    bundle, url = files / "good.raucb", f"https://{HOST}/good.raucb"
    with Publisher(bench.folder / "publisher", files) as publisher, \
            bench.running("fetched", reaches=(ADDRESS, 443, publisher.port)) as guest:
        # It goes on from where the memory was written down: before there was a certificate.
        in_data(guest, f"date --set=@{time.time():.0f}")
        in_data(guest, DROP_IN.format(authority=publisher.authority, host=HOST, address=ADDRESS))
        refused = guest.ssh("pocketctl", "update", "fetch", url, "--yes")
        check(refused.returncode != 0 and "OFFLINE_ONLY" in refused.stderr, f"it goes out in OFFLINE_ONLY: {refused.stderr}")
        check("active" not in guest.ask("gateway").split() and not publisher.asked, "the gateway runs in OFFLINE_ONLY")
        guest.ctl("profile", "set", "CLOUD_WITH_CONSENT")
        begun = time.monotonic()
        done = guest.ssh("pocketctl", "update", "fetch", url, "--yes", patience=PATIENCE)
        check(done.returncode == 0 and "9.0.0" in done.stdout, f"it is not fetched: {done.stdout}{done.stderr}")
        seen(f"{size(bundle)} MiB fetched over TLS and looked at in {time.monotonic() - begun:.0f} s")
        digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
        check(digest in guest.ctl("update", "show"), "something else was fetched")
        check(len(publisher.asked) == 1, f"the server was asked {publisher.asked}")
        guest.ctl("profile", "set", "OFFLINE_ONLY")
        guest.until(lambda: "active" not in guest.ask("gateway").split(), "the gateway ends with its profile", 60)
