# Where OpenSSL keeps its modules and configuration: asked of OpenSSL, never assumed.
find_program(SP_OPENSSL openssl REQUIRED DOC "The stock openssl program that the command runs")

function(sp_ask_openssl variable flag label doc)
    if(${variable})
        return()
    endif()
    execute_process(COMMAND ${SP_OPENSSL} version ${flag}
        OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    if(NOT answer MATCHES "^${label}: \"(.*)\"$")
        message(FATAL_ERROR "'${SP_OPENSSL} version ${flag}' answered: ${answer}")
    endif()
    set(${variable} "${CMAKE_MATCH_1}" CACHE PATH "${doc}")
endfunction()

sp_ask_openssl(SP_MODULES_DIR -m MODULESDIR "Where the provider module is installed")
sp_ask_openssl(SP_OPENSSL_DIR -d OPENSSLDIR "Where OpenSSL keeps its openssl.cnf")

# /etc/smime-policy for a system install, below the prefix otherwise.
set(SP_CONFIG_DIR "${CMAKE_INSTALL_FULL_SYSCONFDIR}/smime-policy" CACHE PATH
    "Where policy.cnf and the openssl.cnf snippet are installed")

# They go into an openssl.cnf and into C as they are: what means something there is refused.
foreach(variable IN ITEMS SP_OPENSSL SP_OPENSSL_DIR SP_MODULES_DIR SP_CONFIG_DIR)
    if(NOT "${${variable}}" MATCHES "^[A-Za-z0-9/._+@%,:~-]+$")
        message(FATAL_ERROR "${variable} = ${${variable}} cannot be written into an openssl.cnf: use a path of "
            "letters, digits and / . _ + @ % , : ~ -")
    endif()
endforeach()
