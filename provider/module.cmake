# The provider module.  The objects are a target of their own so that tests
# can load the provider built in, without dlopen().
# Where a keyring is used by processes that may have threads.
target_sources(sp_keyring PRIVATE keyring/forks.c)
target_link_libraries(sp_keyring PUBLIC Threads::Threads)

add_library(sp_provider OBJECT
    entry.c engines.c instance.c backend.c upcalls.c reasons.c policy.c configuration.c trace.c
    register/cert.c register/compared.c register/keys.c register/locks.c register/prints.c
    register/register.c register/tables.c register/threads.c
    gates/asym_cipher.c gates/classify.c gates/comparison.c gates/contexts.c gates/digest.c
    gates/judge.c gates/kem.c
    gates/keyexch.c gates/keymgmt.c gates/own_anchor.c gates/purposes.c gates/raw.c
    gates/signature.c gates/slots.c gates/trust.c gates/uploaded.c
    store/choose.c store/file.c store/give.c store/loader.c store/uri.c)
set_target_properties(sp_provider PROPERTIES
    POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
target_include_directories(sp_provider PUBLIC
    ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/register
    ${CMAKE_CURRENT_SOURCE_DIR}/gates)
target_link_libraries(sp_provider PUBLIC sp_keyring sp_rules sp_log Threads::Threads)

add_library(smimepolicy_module MODULE
    $<TARGET_OBJECTS:sp_provider> $<TARGET_OBJECTS:sp_log> $<TARGET_OBJECTS:sp_keyring>
    $<TARGET_OBJECTS:sp_rules>)
set_target_properties(smimepolicy_module PROPERTIES
    OUTPUT_NAME smimepolicy PREFIX "" SUFFIX .so
    LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/smimepolicy.map)
target_link_libraries(smimepolicy_module PRIVATE
    sp_flags OpenSSL::Crypto PkgConfig::JANSSON Threads::Threads)
# nodelete: callbacks of ours may be running in other threads when the last
# user unloads us, and fork handlers and error strings point here.
target_link_options(smimepolicy_module PRIVATE
    # For the unwinder: to load another library costs each program more than its code.
    -static-libgcc
    -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/smimepolicy.map
    -Wl,-z,nodelete -Wl,--no-undefined-version)
if(NOT SP_SANITIZE)
    target_link_options(smimepolicy_module PRIVATE -Wl,--no-undefined)
endif()
install(TARGETS smimepolicy_module LIBRARY DESTINATION ${SP_MODULES_DIR})
