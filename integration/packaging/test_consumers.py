# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Programs of others, built with an installation that stands in another place than it was made for."""

import os
import shutil

import pytest

from harness import BUILD, must, run

PROGRAM = """\
#include <stdio.h>
#include <smimepolicy.h>

int main(void)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();

    puts(smimepolicy_use_name(SMIMEPOLICY_ENCRYPT));
    smimepolicy_settings_free(settings);
    return settings == NULL;
}
"""
CMAKE = """\
cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(SmimePolicy 1.0 CONFIG REQUIRED)
add_executable(consumer consumer.c)
target_link_libraries(consumer PRIVATE SmimePolicy::smimepolicy)
"""
MESON = """\
project('consumer', 'c')
executable('consumer', 'consumer.c', dependencies: dependency('smimepolicy', version: '>= 1.0'))
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """The folder with include and lib of a staged installation."""
    root = tmp_path_factory.mktemp("stage")
    must(run("cmake", "--install", BUILD, env={"DESTDIR": str(root)}, timeout=300))
    header = next(root.rglob("smimepolicy.h"))
    return header.parent.parent


def library_folder(stage):
    return next(stage.rglob("libsmimepolicy.so")).parent


def runs(program, stage):
    """The program finds the library of the stage."""
    result = must(run(program, env={"LD_LIBRARY_PATH": str(library_folder(stage))}))
    assert result.out == b"encrypt\n"


def test_pkg_config(stage, tmp_path):
    (tmp_path / "consumer.c").write_text(PROGRAM)
    flags = must(run("pkg-config", "--cflags", "--libs", "smimepolicy",
                     env={"PKG_CONFIG_PATH": str(library_folder(stage) / "pkgconfig")})).text.split()
    must(run("gcc", "-Wall", "-Werror", tmp_path / "consumer.c", "-o", tmp_path / "consumer", *flags))
    runs(tmp_path / "consumer", stage)


def test_cmake(stage, tmp_path):
    (tmp_path / "consumer.c").write_text(PROGRAM)
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    must(run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={stage}",
             env=env, timeout=300))
    must(run("cmake", "--build", tmp_path / "build", env=env, timeout=300))
    runs(tmp_path / "build" / "consumer", stage)


@pytest.mark.skipif(shutil.which("meson") is None, reason="meson is not installed")
def test_meson(stage, tmp_path):
    (tmp_path / "consumer.c").write_text(PROGRAM)
    (tmp_path / "meson.build").write_text(MESON)
    env = {"PKG_CONFIG_PATH": str(library_folder(stage) / "pkgconfig"), "PATH": os.environ["PATH"],
           "HOME": str(tmp_path)}
    must(run("meson", "setup", "build", cwd=tmp_path, env=env, timeout=300))
    must(run("meson", "compile", "-C", "build", cwd=tmp_path, env=env, timeout=300))
    runs(tmp_path / "build" / "consumer", stage)
