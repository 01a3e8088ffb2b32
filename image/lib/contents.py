"""Writes what an image is made of, as CycloneDX 1.5: Debian packages and crates."""

import json
import sys
from datetime import datetime, timezone


def packages(lock, dropped):
    """One component a package that has files in the image."""
    with open(dropped, encoding="utf-8") as file:
        gone = {line.split("#")[0].strip() for line in file}
    with open(lock, encoding="utf-8") as file:
        for line in file:
            name, version, sha256, _ = line.split()
            if name not in gone:
                yield {
                    "type": "library",
                    "name": name,
                    "version": version,
                    "purl": f"pkg:deb/debian/{name}@{version}?arch=arm64&distro=trixie",
                    "hashes": [{"alg": "SHA-256", "content": sha256}],
                }


def crates(metadata):
    """One component a crate that the programs link, or are built with."""
    for crate in metadata["packages"]:
        component = {
            "type": "library",
            "name": crate["name"],
            "version": crate["version"],
            "purl": f"pkg:cargo/{crate['name']}@{crate['version']}",
        }
        if crate.get("license"):
            component["licenses"] = [{"expression": crate["license"].replace("/", " OR ")}]
        yield component


def main():
    lock, dropped, version, epoch = sys.argv[1:5]
    made = datetime.fromtimestamp(int(epoch), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    components = [*packages(lock, dropped), *crates(json.load(sys.stdin))]
    components.sort(key=lambda component: component["purl"])
    json.dump(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {
                "timestamp": made,
                "component": {"type": "operating-system", "name": "PocketAI", "version": version},
            },
            "components": components,
        },
        sys.stdout,
        indent=1,
    )


if __name__ == "__main__":
    main()
