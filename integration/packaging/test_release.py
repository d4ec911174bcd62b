# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""release.sh: what has to be right before anything is made.  The scripts of packages run for minutes."""

import os
import re
import shutil

import pytest

from harness import REPO, must, run

IDENTITY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
VERSION = re.search(r"^project\(smime-policy VERSION ([0-9.]+)",
                    (REPO / "CMakeLists.txt").read_text(), re.M)[1]


@pytest.mark.parametrize("name, line", [
    ("include/smimepolicy.h", f'#define SMIMEPOLICY_VERSION "{VERSION}"'),
    ("include/smimepolicy.h", "#define SMIMEPOLICY_VERSION_NUMBER 0x" +
     "".join(f"{int(part):02x}" for part in VERSION.split(".")) + "\n"),
    ("integration/packaging/debian/changelog", f"smime-policy ({VERSION}) "),
    ("docs/man/smimepolicy.3", f'"smime-policy {VERSION}"'),
    ("docs/man/smimepolicy.7", f'"smime-policy {VERSION}"'),
    ("docs/man/smime-policy.cnf.5", f'"smime-policy {VERSION}"'),
])
def test_the_version_is_the_same_everywhere(name, line):
    assert line in (REPO / name).read_text()


@pytest.fixture
def clone(tmp_path):
    """A repository that could be released."""
    where = tmp_path / "clone"
    (where / "integration" / "packaging" / "debian").mkdir(parents=True)
    for name in ("CMakeLists.txt", "integration/release.sh"):
        shutil.copy(REPO / name, where / name)
    (where / "CHANGELOG.md").write_text(f"# Changelog\n\n## [{VERSION}]: 2026-12-24\n\n- New.\n")
    (where / "integration" / "packaging" / "debian" / "changelog").write_text(
        f"smime-policy ({VERSION}) unstable; urgency=medium\n")
    must(run("git", "init", "-q", where))
    commit(where)
    return where


def commit(where):
    must(run("git", "add", "-A", cwd=where))
    must(run("git", "commit", "-q", "-m", "a change", cwd=where, env=IDENTITY))


def check(where, *words):
    return run(where / "integration" / "release.sh", "--check", *words, cwd=where, env=os.environ | IDENTITY)


def test_ready(clone):
    result = must(check(clone))
    assert result.out.startswith(f"release {VERSION} of 2026-12-24".encode())
    assert not (clone / "build").exists()


def test_made(clone, tmp_path):
    """With a stand-in for the packages."""
    stand_in = clone / "integration" / "package.sh"
    stand_in.write_text('#!/bin/sh\nmkdir "$2/bookworm" && echo deb >"$2/bookworm/a.deb"\n')
    stand_in.chmod(0o755)
    edited(clone, "CHANGELOG.md", "- New.", "### Added\n\n- New.\n\n## [0.9.0]: 2026-11-24\n\n- Old.")
    made = tmp_path / "made"
    must(run(clone / "integration" / "release.sh", "-o", made, cwd=clone, env=os.environ | IDENTITY))
    assert (made / "NEWS.md").read_text().strip() == "### Added\n\n- New."
    assert {path.name for path in made.iterdir()} == {
        "NEWS.md", "SHA256SUMS", "bookworm", f"smime-policy-{VERSION}.tar.gz"}
    must(run("sha256sum", "-c", "SHA256SUMS", cwd=made))
    tag = must(run("git", "cat-file", "tag", f"v{VERSION}", cwd=clone)).text
    assert tag.endswith(f"\nsmime-policy {VERSION}\n\n### Added\n\n- New.\n")
    assert f"smime-policy-{VERSION}/CMakeLists.txt" in must(run("tar", "-tzf", *made.glob("*.gz"))).text


def edited(clone, name, old, new):
    path = clone / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    commit(clone)


@pytest.mark.parametrize("name, old, new, why", [
    ("CHANGELOG.md", f"[{VERSION}]: 2026-12-24", f"[Unreleased]: {VERSION}", "CHANGELOG.md has no"),
    ("CHANGELOG.md", VERSION, "9.9.9", "CHANGELOG.md has no"),
    ("integration/packaging/debian/changelog", VERSION, "9.9.9", "does not begin with"),
    ("CMakeLists.txt", f"VERSION {VERSION}", "", "names no version"),
])
def test_not_ready(clone, name, old, new, why):
    edited(clone, name, old, new)
    result = check(clone)
    assert (result.rc, why in result.err) == (1, True), result


def test_not_committed(clone):
    (clone / "more").write_text("")
    result = check(clone)
    assert (result.rc, "not committed" in result.err) == (1, True), result


def test_nobody_who_makes_the_tag(clone):
    """It is noticed before the packages are built."""
    env = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly",
           "GIT_CONFIG_VALUE_0": "true"}
    result = run(clone / "integration" / "release.sh", "--check", cwd=clone, env=env)
    assert (result.rc, "does not know who makes the tag" in result.err) == (1, True), result


def test_released_before(clone):
    must(run("git", "tag", f"v{VERSION}", cwd=clone))
    result = check(clone)
    assert (result.rc, f"the tag v{VERSION} is there" in result.err) == (1, True), result


def test_no_older_folder(clone, tmp_path):
    (tmp_path / "there").mkdir()
    result = check(clone, "-o", tmp_path / "there")
    assert (result.rc, "is there; remove it" in result.err) == (1, True), result
