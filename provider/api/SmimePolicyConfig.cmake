# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# find_package(SmimePolicy CONFIG): the target SmimePolicy::smimepolicy.
include(CMakeFindDependencyMacro)
find_dependency(OpenSSL 3.0 COMPONENTS Crypto)
include(${CMAKE_CURRENT_LIST_DIR}/SmimePolicyTargets.cmake)
