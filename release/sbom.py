"""Writes a bill of materials in CycloneDX 1.5: the program, and every crate that is compiled into it for a target.

usage: sbom.py TARGET > FILE

What it says follows from Cargo.lock alone, so it is the same whenever and wherever it is written.
"""

import json
import subprocess
import sys


def tree(target):
    """The crates of the program by the id that cargo gives them, with what each depends on."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    (root,) = (id for id, package in packages.items() if package["name"] == "everstrand")

    def needed(id):
        """What is compiled in: no dependencies of tests or of build scripts."""
        return sorted(edge["pkg"] for edge in nodes[id]["deps"] if any(kind["kind"] is None for kind in edge["dep_kinds"]))

    found, waiting = {}, [root]
    while waiting:
        id = waiting.pop()
        if id not in found:
            found[id] = needed(id)
            waiting += found[id]
    return root, packages, found


def component(package, kind="library"):
    described = {
        "type": kind,
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package["license"]:
        described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    return described


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def checksums():
    """The SHA-256 of each crate of the registry, from Cargo.lock."""
    import tomllib

    with open("Cargo.lock", "rb") as file:
        locked = tomllib.load(file)["package"]
    return {(package["name"], package["version"]): package.get("checksum") for package in locked}


def main(target):
    root, packages, found = tree(target)
    hashes = checksums()
    components = []
    for id in sorted(set(found) - {root}, key=lambda id: reference(packages[id])):
        described = component(packages[id])
        checksum = hashes.get((packages[id]["name"], packages[id]["version"]))
        if checksum:
            described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        components.append(described)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(packages[root], "application"),
            "properties": [{"name": "target", "value": target}],
        },
        "components": components,
        "dependencies": sorted(
            (
                {"ref": reference(packages[id]), "dependsOn": sorted(reference(packages[to]) for to in needs)}
                for id, needs in found.items()
            ),
            key=lambda entry: entry["ref"],
        ),
    }
    json.dump(bill, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
