# How everything in this project is compiled and linked: one C++20 dialect, the
# MLIR and LLVM dylibs, one precompiled header for the files that use MLIR.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

option(EINFALL_UNITY_BUILD "Compile the sources of a library together" OFF)
set(EINFALL_SANITIZERS "" CACHE STRING "Sanitizers, separated by semicolons")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # The precompiled header needs ccache to look at its content, not its time.
  set(_ccache ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${_ccache})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_ccache})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

add_compile_options(-Wall -Wextra -Wno-unused-parameter
                    -Wno-missing-field-initializers -Wno-comment
                    -fPIC
                    $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
foreach(sanitizer IN LISTS EINFALL_SANITIZERS)
  add_compile_options(-fsanitize=${sanitizer} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizer})
endforeach()
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})

# One precompiled header, compiled once and reused by every library that names
# MLIR: reading MLIR's headers costs more than compiling most of our files.
add_library(einfall_pch STATIC ${PROJECT_SOURCE_DIR}/cmake/Precompiled.cpp)
target_precompile_headers(einfall_pch PRIVATE
                          ${PROJECT_SOURCE_DIR}/cmake/Precompiled.h)
target_compile_options(einfall_pch PRIVATE -fpch-preprocess)

# einfall_add_library(name [NO_MLIR] SOURCES a.cpp ... [LINK lib ...]
#                     [DEPENDS target ...])
# NO_MLIR: the library never sees MLIR (the syntax, the runtime); it is compiled
# without the precompiled header and linked to nothing but what LINK names.
function(einfall_add_library name)
  cmake_parse_arguments(ARG "NO_MLIR" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(NOT ARG_NO_MLIR)
    target_link_libraries(${name} PUBLIC MLIR LLVM)
    target_precompile_headers(${name} REUSE_FROM einfall_pch)
    target_compile_options(${name} PRIVATE -fpch-preprocess)
  endif()
  if(EINFALL_UNITY_BUILD)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# einfall_add_executable(name SOURCES a.cpp ... [LINK lib ...])
function(einfall_add_executable name)
  cmake_parse_arguments(ARG "NO_MLIR" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  if(NOT ARG_NO_MLIR)
    target_link_libraries(${name} PRIVATE MLIR LLVM)
    target_precompile_headers(${name} REUSE_FROM einfall_pch)
    target_compile_options(${name} PRIVATE -fpch-preprocess)
  endif()
endfunction()

# einfall_add_unittest(name SOURCES a.cpp ... [LINK lib ...]): a GoogleTest
# program in bin/, run by ctest and collected in the target einfall_unittests.
function(einfall_add_unittest name)
  cmake_parse_arguments(ARG "NO_MLIR" "" "SOURCES;LINK" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  if(NOT ARG_NO_MLIR)
    target_link_libraries(${name} PRIVATE MLIR LLVM)
    target_precompile_headers(${name} REUSE_FROM einfall_pch)
    target_compile_options(${name} PRIVATE -fpch-preprocess)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  if(NOT TARGET einfall_unittests)
    add_custom_target(einfall_unittests)
  endif()
  add_dependencies(einfall_unittests ${name})
endfunction()
