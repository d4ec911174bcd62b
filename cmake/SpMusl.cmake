# SP_MUSL_COMPILE, SP_MUSL_LINK and SP_MUSL_LIBRARY link a program with musl, statically: the launcher.
# glibc asks the processor about a hundred questions (CPUID) at each start, and in a virtual machine each
# of them is an exit to its host: see docs/develop/performance.md.  They are empty where musl is missing
# or the build is instrumented; then the launcher is linked with the usual libc.
option(SP_MUSL "Link the launcher with musl if it is installed" ON)
string(REPLACE "-gnu" "-musl" musl "${CMAKE_LIBRARY_ARCHITECTURE}")
find_path(SP_MUSL_INCLUDE stdlib.h PATHS /usr/include/${musl} NO_DEFAULT_PATH)
find_path(SP_MUSL_DIR rcrt1.o PATHS /usr/lib/${musl} NO_DEFAULT_PATH)
if(SP_MUSL AND SP_MUSL_INCLUDE AND SP_MUSL_DIR AND NOT SP_SANITIZE AND NOT SP_COVERAGE)
    set(compile -nostdinc -isystem ${SP_MUSL_INCLUDE})
    set(link -nostdlib -static -Wl,-pie,--no-dynamic-linker,-z,text
        ${SP_MUSL_DIR}/rcrt1.o ${SP_MUSL_DIR}/crti.o ${SP_MUSL_DIR}/crtn.o)
    set(library ${SP_MUSL_DIR}/libc.a gcc)
    if(SP_HAS_PACKED_RELOCATIONS)
        # musl reads them since 1.2.4, and there are few.
        list(APPEND library -Wl,-z,nopack-relative-relocs)
    endif()
    include(CheckCSourceCompiles)
    list(JOIN compile " " CMAKE_REQUIRED_FLAGS)
    string(APPEND CMAKE_REQUIRED_FLAGS " -fPIE")
    set(CMAKE_REQUIRED_LINK_OPTIONS ${link} -pie)
    set(CMAKE_REQUIRED_LIBRARIES ${library})
    check_c_source_compiles("#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }" SP_HAS_MUSL)
    unset(CMAKE_REQUIRED_FLAGS)
    unset(CMAKE_REQUIRED_LINK_OPTIONS)
    unset(CMAKE_REQUIRED_LIBRARIES)
    if(SP_HAS_MUSL)
        set(SP_MUSL_COMPILE ${compile} -DSP_ENDS_SOON)
        set(SP_MUSL_LINK ${link})
        set(SP_MUSL_LIBRARY ${library})
    endif()
endif()
