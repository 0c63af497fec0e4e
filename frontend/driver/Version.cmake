# Writes OUTPUT with the hash of the checked-out commit, only where it changed.
execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE hash OUTPUT_STRIP_TRAILING_WHITESPACE
                ERROR_QUIET)
if(NOT hash)
  set(hash "unknown")
endif()
file(CONFIGURE OUTPUT "${OUTPUT}"
     CONTENT "#define EINFALL_VERSION \"@VERSION@\"\n#define EINFALL_GIT_HASH \"@hash@\"\n"
     @ONLY)
