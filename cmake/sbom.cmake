# The software bill of materials of the program (CycloneDX 1.5): the target `sbom`, and a part of every release build. It asks the
# system's package database, so elsewhere than on Debian there is none.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(DUNLIN_DPKG_QUERY dpkg-query)
if(NOT DUNLIN_DPKG_QUERY OR NOT CMAKE_GENERATOR STREQUAL "Ninja")
  message(STATUS "No software bill of materials: that needs dpkg-query and Ninja.")
  return()
endif()
set(bill "${CMAKE_BINARY_DIR}/dunlin.cdx.json")
add_custom_command(
  OUTPUT "${bill}"
  COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/sbom" --build "${CMAKE_BINARY_DIR}" --program $<TARGET_FILE:dunlin>
          --version ${PROJECT_VERSION} --out "${bill}"
  DEPENDS dunlin "${CMAKE_SOURCE_DIR}/tools/sbom" "${CMAKE_SOURCE_DIR}/web/package-lock.json"
  COMMENT "Writing the software bill of materials"
  VERBATIM)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_custom_target(sbom ALL DEPENDS "${bill}")
else()
  add_custom_target(sbom DEPENDS "${bill}")
endif()
