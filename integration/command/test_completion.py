# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Completion in the real shells: a line is typed, Tab is pressed, and the line that the shell then has."""

import os
import re
import shutil
import subprocess

import pytest

from harness import BUILD, COMMAND, PATIENCE, environment, must, run
from keyrings import make_keyring
from terminal import Terminal
from words import COMMANDS

MADE = BUILD / "shim" / "completion"
# What a shell runs before the line is typed; Ctrl-X p then prints the line between < and >.
BASH = f"""source {MADE}/smime-policy
bind 'set show-all-if-ambiguous on'; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
bind -x '"\\C-xp": printf "<%s>\\n" "$READLINE_LINE"'"""
ZSH = f"""fpath=({MADE} $fpath); autoload -Uz compinit; compinit -u -d ~/known
unsetopt beep zle_bracketed_paste; unset zle_bracketed_paste
show() {{ zle -I; print -r -- "<$BUFFER>" }}; zle -N show; bindkey '^Xp' show"""


def here(path):
    """The environment of a shell whose `smime-policy` is in |path|."""
    return {**environment(), "PATH": f"{path}/bin:{os.environ['PATH']}", "HOME": str(path), "TERM": "dumb",
            "PS1": "# ", "HISTFILE": "/dev/null", "SMIME_POLICY_KEYRING": str(path / "ring")}


def wait_longer(path):
    """Put another `timeout` in front: the two seconds after which Tab gives up are short on a busy machine."""
    (path / "bin" / "timeout").write_text(f'#!/bin/sh\nshift\nexec /usr/bin/timeout {PATIENCE} "$@"\n')
    (path / "bin" / "timeout").chmod(0o755)


def interactive(argv, setup, path, line):
    env = {key: str(value) for key, value in here(path).items()}
    (path / "setup").write_text(setup + f"\ncd {path}/files\nPS1='ready '\n")
    with Terminal.start(argv, env, columns=200) as shell:
        shell.wait("[#$%>] *$")
        shell.press(f" . {path}/setup\r".encode())
        shell.wait("ready *$")
        shell.press(line.encode() + b"\t")
        shell.press(b"\x18p")
        shell.wait(r"<smime-policy[^>]*>")
        return re.findall(r"<(smime-policy[^>]*)>", shell.text)[-1].strip().removesuffix("=")  # as zsh shows


def bash(path, line):
    return interactive(["bash", "--norc", "--noprofile", "-i"], BASH, path, line)


def zsh(path, line):
    return interactive(["zsh", "-f", "-i"], ZSH, path, line)


def offered_by_fish(path, line):
    script = f"source {MADE}/smime-policy.fish; cd {path}/files; complete -C '{line}'"
    done = subprocess.run(["fish", "--no-config", "-c", script], env=here(path), capture_output=True, check=False,
                          timeout=PATIENCE, text=True)
    assert done.stderr == "", done
    return [each.split("\t")[0] for each in done.stdout.splitlines()]


def fish(path, line):
    """
    It says what it offers; alone, that replaces the last word.  fish 4 also says what has the same letters
    further on, and takes what begins with them.
    """
    offered = offered_by_fish(path, line)
    offered = [each for each in offered if each.startswith(line.rpartition(" ")[2])] or offered
    return (line.rpartition(" ")[0] + " " + offered[0] if len(offered) == 1 else line).strip()


def offered_by_bash(path, line):
    """What bash offers for the line, as it calls our function."""
    script = (f"source {MADE}/smime-policy; cd {path}/files; COMP_LINE='{line}' COMP_POINT=${{#COMP_LINE}}; "
              "COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT; _smime_policy; printf '%s\\n' \"${COMPREPLY[@]}\"")
    script = f"COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; " + script.replace(
        f"COMP_LINE='{line}' COMP_POINT=${{#COMP_LINE}}; COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT; ", "")
    return must(run("bash", "--norc", "-c", script, env=here(path))).out.decode().split()


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}


@pytest.fixture(params=SHELLS)
def shell(request):
    if shutil.which(request.param) is None:
        pytest.fail(f"{request.param} is not installed: integration/ci/packages-test.txt")
    return SHELLS[request.param]


@pytest.fixture(scope="module")
def desk(tmp_path_factory, pki):
    path = tmp_path_factory.mktemp("c")
    make_keyring(path / "ring", f"contact:{pki.good_p256.pem}", f"identity:{pki.good_rsa.pem}:{pki.good_rsa.key}")
    make_keyring(path / "other", f"contact:{pki.good_p384.pem}")
    (path / "bin").mkdir()
    (path / "bin" / "smime-policy").symlink_to(COMMAND)
    wait_longer(path)
    (path / "files" / "mails").mkdir(parents=True)
    (path / "files" / "message.eml").write_text("")
    return path


@pytest.mark.parametrize("typed, line", [
    ("exp", "export"), ("help tru", "help trust"), ("--pol", "--policy"), ("--explain rem", "--explain remove"),
    ("list --st", "list --state"), ("list --state not", "list --state not-yet-valid"),
    ("list --state=not", "list --state=not-yet-valid"), ("upload --as id", "upload --as identity"),
    ("keyring ba", "keyring backup"), ("keyring pass", "keyring passphrase"), ("upload --dry", "upload --dry-run"),
    ("hub st", "hub status"), ("hub init --si", "hub init --single"), ("sync --fol", "sync --follow"),
    ("list --cr", "list --crls"), ("remove --cr", "remove --crls"), ("upload --lo", "upload --local"),
    ("import --from gp", "import --from gpgsm"), ("import --from mai", "import --from mails/"),
    ("import --from=sm", "import --from=smime_keys"), ("help sy", "help sync"),
    ("keyring --qu", "keyring --quiet"), ("config --sel", "config --self-test"),
    ("sign -inf", "sign -inform"), ("cms -digest_cr", "cms -digest_create"),
    # what the policy refuses is not offered
    ("sign -nover", "sign -nover"), ("cms -provider-p", "cms -provider-p"), ("verify -no-CAf", "verify -no-CAfile"),
    ("encrypt --to good_p", "encrypt --to good_p256@example.com"),
    ("encrypt --to=good_p", "encrypt --to=good_p256@example.com"),
    ("encrypt --to good_p256@ex", "encrypt --to good_p256@example.com"),
    ("encrypt --cc a@b --cc good_p", "encrypt --cc a@b --cc good_p256@example.com"),
    ("show good_p", "show good_p256@example.com"), ("remove --all good_r", "remove --all good_rsa@example.com"),
    ("export --keys good_r", "export --keys good_rsa@example.com"),
    ("trust good_p256@", "trust good_p256@example.com"),
    ("sign --from good", "sign --from good_rsa@example.com"),
    ("verify --sender good_r", "verify --sender good_rsa@example.com"),
    ("show --keyring ../other good", "show --keyring ../other good_p384@example.com"),
    ("--keyring ../other show good", "--keyring ../other show good_p384@example.com"),
    ("show --keyring /nosuch good", "show --keyring /nosuch good"),
    ("upload mess", "upload message.eml"), ("encrypt -in mess", "encrypt -in message.eml"),
    ("export --output mess", "export --output message.eml"), ("list --keyring mai", "list --keyring mails/"),
    ("list --expiring mess", "list --expiring mess"), ("frobnicate --j", "frobnicate --j")])
def test_completed(typed, line, shell, desk):
    assert shell(desk, f"smime-policy {typed}") == f"smime-policy {line}"


def options_of(command):
    """The spellings that the help of a command has."""
    text = must(run(COMMAND, command, "--help")).out.decode()
    rows = re.findall(r"^  (-[\w-]+(?:, -[\w-]+)*)(?: |$)", text, re.M)
    return {word for row in rows for word in row.split(", ")} - {"--"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("offered", [offered_by_bash, offered_by_fish])
def test_every_option(command, offered, desk):
    """What the help names is offered, and of our own options nothing else."""
    words = set(offered(desk, f"smime-policy {command} -"))
    own = {word for word in words if word.startswith("--")}
    assert options_of(command) <= words and own - {"--help"} <= options_of(command) | {"--sender"}


@pytest.mark.parametrize("offered", [offered_by_bash, offered_by_fish])
def test_every_command(offered, desk):
    assert set(COMMANDS) <= set(offered(desk, "smime-policy "))
    assert set(offered(desk, "smime-policy help ")) - {"--help", "help"} == set(COMMANDS)


HOSTILE = r"""#!/bin/sh
printf '%s\n' 'good@example.com' '$(touch pwned)@example.com' '`touch pwned`@example.com' 'good;touch pwned@x.org' \
    "good'\$(touch pwned)'@example.com" 'good bye@example.com' '--good@example.com'
printf 'good\033]0;x\007@example.com\n'; echo 'smime-policy: a fault' >&2; exit 5
"""


def pretend(tmp_path, script):
    (tmp_path / "bin").mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "bin" / "smime-policy").write_text(script)
    (tmp_path / "bin" / "smime-policy").chmod(0o755)
    return tmp_path


def test_hostile_addresses(shell, tmp_path):
    """Certificates are made by strangers: what an address says is never run, and only plain ones are offered."""
    path = pretend(tmp_path, HOSTILE)
    wait_longer(path)
    assert shell(path, "smime-policy show goo") == "smime-policy show good@example.com"
    assert not list(path.rglob("pwned"))


@pytest.mark.parametrize("script", ["exec yes good@example.com", "exec sleep 1000"])
def test_bounded(script, shell, tmp_path):
    """A keyring without end, or one that cannot be read, does not hold up the shell."""
    path = pretend(tmp_path, f"#!/bin/sh\n{script}\n")
    if "sleep" not in script:
        wait_longer(path)
    line = shell(path, "smime-policy show go")
    assert line == "smime-policy show go" + ("od@example.com" if "yes" in script else "")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck():
    must(run("shellcheck", MADE / "smime-policy"))
