"""Runs what docs/installing.md says about containers, as it is written there: Compose, and Testcontainers in four languages.

usage: containers.py IMAGE_ARCHIVE VERSION

Podman takes the place of the Docker daemon: it answers Docker's API, in a network of its own. What a tool is missing for is named as
skipped.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = (REPOSITORY / "docs/installing.md").read_text()

#: What a recipe needs, at the versions that the page names.
PYTHON = ["testcontainers==4.15.0", "pyqldb==3.2.4", "boto3==1.40.60", "botocore==1.40.60", "podman-compose==1.6.0"]
NODE = ["testcontainers@11.7.1", "amazon-qldb-driver-nodejs@3.1.0", "@aws-sdk/client-qldb-session@3.918.0", "ion-js@5.2.0", "jsbi@3.1.1"]


def block(language):
    """The one fenced block of a language in the page's part about Testcontainers."""
    section = PAGE.split("## Testcontainers\n", 1)[1].split("\n## ", 1)[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return found


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def install(folder):
    """Fetches what the recipes need. Answers the commands that run them, by language."""
    recipes = {}
    run(sys.executable, "-m", "venv", folder / "python")
    run(folder / "python/bin/pip", "--disable-pip-version-check", "-q", "install", *PYTHON)
    (folder / "recipe.py").write_text(block("python"))
    recipes["Python"] = [folder / "python/bin/python", folder / "recipe.py"]
    if shutil.which("npm"):
        (folder / "node").mkdir()
        (folder / "node/package.json").write_text('{"private": true}')
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", *NODE, cwd=folder / "node")
        (folder / "node/recipe.mjs").write_text(block("js"))
        recipes["Node.js"] = ["node", folder / "node/recipe.mjs"]
    if shutil.which("mvn"):
        (folder / "java").mkdir()
        pom = (REPOSITORY / "conformance/java/pom.xml").read_text()
        dependency = f"    {block('xml').strip()}\n  </dependencies>\n</project>"
        (folder / "java/pom.xml").write_text(pom.replace("  </dependencies>\n</project>", dependency))
        run("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/java", cwd=folder / "java")
        (folder / "java/Recipe.java").write_text(block("java"))
        recipes["Java"] = ["java", "-cp", f"{folder}/java/*", folder / "java/Recipe.java"]
    for language in {"Node.js", "Java"} - recipes.keys():
        print(f"SKIPPED Testcontainers for {language}, its tools are not here")
    return recipes


#: What podman starts containers with: runc, without the limits that podman writes down, because not every machine may raise them.
RUNTIME = """#!{python}
import json, os, sys
if "create" in sys.argv:
    file = os.path.join(sys.argv[sys.argv.index("--bundle") + 1], "config.json")
    with open(file) as opened:
        config = json.load(opened)
    config["process"].pop("rlimits", None)
    with open(file, "w") as opened:
        json.dump(config, opened)
os.execvp("runc", ["runc", *sys.argv[1:]])
"""


def program(file, text):
    file.write_text(text)
    file.chmod(0o755)
    return file


def use(archive, version, folder, recipes):
    """Starts podman's service, loads the image, and runs everything on it. Runs in a network of its own."""
    run("ip", "link", "set", "lo", "up")
    runtime = program(folder / "runtime", RUNTIME.format(python=sys.executable))
    options = f"--root {folder}/root --runroot {folder}/runroot --storage-driver vfs --runtime {runtime}"
    options += " --cgroup-manager cgroupfs --events-backend file"
    # podman-compose takes one program, not one with arguments.
    podman = program(folder / "podman", f'#!/bin/sh\nexec podman {options} "$@"\n')
    socket = folder / "podman.sock"
    log = (folder / "log").open("w")
    service = subprocess.Popen([podman, "system", "service", "--time=0", f"unix://{socket}"], stderr=log)
    try:
        wait_for(socket.exists)
        # Where the service is, that nothing is pulled to clean up behind it, and that it is here even if this is a container itself.
        environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}", "TESTCONTAINERS_RYUK_DISABLED": "true"}
        environment |= {"TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1", "TESTCONTAINERS_CONNECTION_MODE": "docker_host"}
        run(podman, "load", "--input", archive)
        for language, command in recipes.items():
            printed = run(*command, cwd=folder, env=environment)
            assert printed.endswith("Car\n"), printed
            print(f"Testcontainers for {language} ran as written")
        compose(podman, folder)
    finally:
        service.terminate()
        service.wait(timeout=20)


def wait_for(is_so):
    for _ in range(100):
        if is_so():
            return
        time.sleep(0.1)
    sys.exit(f"waited in vain for {is_so}")


def compose(podman, folder):
    """What compose.yaml describes answers on the port of this machine."""
    command = [folder / "python/bin/podman-compose", "--podman-path", podman, "--file", REPOSITORY / "release/compose.yaml"]
    run(*command, "up", "--detach", cwd=folder)
    wait_for(lambda: subprocess.run(["curl", "-sf", "http://127.0.0.1:8182/ready"], capture_output=True).returncode == 0)
    run(*command, "down", "--volumes", cwd=folder)
    print("release/compose.yaml ran as written, by podman-compose")


def main(archive, version, folder=None):
    if folder is not None:
        return use(archive, version, Path(folder), json.loads(Path(folder, "recipes.json").read_text()))
    with tempfile.TemporaryDirectory() as folder:
        recipes = install(Path(folder))
        Path(folder, "recipes.json").write_text(json.dumps(recipes, default=str))
        isolated = ["unshare", "--net", "--mount", "--fork", "--kill-child", sys.executable, __file__, archive, version, folder]
        sys.exit(subprocess.run(isolated).returncode)


if __name__ == "__main__":
    main(*sys.argv[1:])
