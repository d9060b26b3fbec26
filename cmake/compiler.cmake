# Flags, cache, linker and the shared precompiled header.
find_program(DUNLIN_CCACHE ccache)
if(DUNLIN_CCACHE)
  # Clones in other folders share results, and the precompiled header does not spoil them.
  set(cached ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
             CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${DUNLIN_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${cached})
  set(CMAKE_C_COMPILER_LAUNCHER ${cached})
endif()

add_library(dunlin_flags INTERFACE)
target_compile_options(dunlin_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
                                              -fno-omit-frame-pointer)
target_include_directories(dunlin_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely for inlined std::string, std::variant and std::expected; the sanitizers and clang look for the real ones.
  target_compile_options(dunlin_flags INTERFACE -Wno-array-bounds -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
                                                -Wno-stringop-overread -Wno-dangling-pointer -Wno-use-after-free)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12 hides std::expected from clang unless it reports C++23 concepts support.
  # And its std::stable_sort uses what it marks as deprecated.
  target_compile_options(dunlin_flags INTERFACE -Wno-builtin-macro-redefined -D__cpp_concepts=202002L -Wno-deprecated-declarations)
endif()
if(DUNLIN_SANITIZE)
  # clang's check of virtual tables looks at memory through a pipe: false alarms in a test that uses up the descriptors.
  target_compile_options(dunlin_flags INTERFACE -fsanitize=${DUNLIN_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=vptr)
  target_link_options(dunlin_flags INTERFACE -fsanitize=${DUNLIN_SANITIZE})
endif()

# One precompiled header for every room; off under the linter so that each file shows its own includes.
set(DUNLIN_PCH_HEADERS <algorithm> <array> <atomic> <bit> <chrono> <cstdint> <cstring> <deque> <expected> <functional>
                       <map> <memory> <optional> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
option(DUNLIN_PCH "Use the shared precompiled header" ON)
file(WRITE "${CMAKE_BINARY_DIR}/pch_anchor.cc" "")
if(DUNLIN_PCH)
  add_library(dunlin_pch STATIC "${CMAKE_BINARY_DIR}/pch_anchor.cc")
  target_link_libraries(dunlin_pch PUBLIC dunlin_flags)
  target_precompile_headers(dunlin_pch PRIVATE ${DUNLIN_PCH_HEADERS})
endif()
# ccache needs this to accept a precompiled header.
if(DUNLIN_CCACHE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
endif()

find_program(DUNLIN_MOLD mold)
if(DUNLIN_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=mold)
endif()
