# Flags that every target of ours is built with.
add_library(sp_flags INTERFACE)
target_compile_options(sp_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-qual -Wstrict-prototypes -Wvla
    -fstack-protector-strong
    # Each of our files is part of the module, the library and the command: what one of them does
    # not call is left out, and with it what the loader would look up in libcrypto at every start.
    -ffunction-sections -fdata-sections
    # Absolute build paths would end up in error messages and in packages.
    "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
target_compile_definitions(sp_flags INTERFACE _GNU_SOURCE OPENSSL_NO_DEPRECATED)
target_link_options(sp_flags INTERFACE -Wl,--gc-sections)
if(SP_WERROR)
    target_compile_options(sp_flags INTERFACE -Werror)
endif()
if(SP_SANITIZE)
    target_compile_options(sp_flags INTERFACE -fsanitize=${SP_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    target_link_options(sp_flags INTERFACE -fsanitize=${SP_SANITIZE})
else()
    # Compilers that know no level 3 take it for 2.
    target_compile_options(sp_flags INTERFACE
        "$<$<CONFIG:Release,RelWithDebInfo>:SHELL:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>")
    target_link_options(sp_flags INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
    # The tables of gates have thousands of addresses, which each start relocates.
    include(CheckLinkerFlag)
    check_linker_flag(C -Wl,-z,pack-relative-relocs SP_HAS_PACKED_RELOCATIONS)
    if(SP_HAS_PACKED_RELOCATIONS)
        target_link_options(sp_flags INTERFACE -Wl,-z,pack-relative-relocs)
    endif()
    include(CheckCCompilerFlag)
    foreach(flag stack-clash-protection cf-protection)
        check_c_compiler_flag(-f${flag} SP_HAS_${flag})
        if(SP_HAS_${flag})
            target_compile_options(sp_flags INTERFACE -f${flag})
        endif()
    endforeach()
endif()
if(SP_COVERAGE)
    # Threads count too.
    target_compile_options(sp_flags INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(sp_flags INTERFACE --coverage)
endif()
