# Libraries that more than one room uses; found here once, so that every folder sees the targets.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
set(Boost_NO_WARN_NEW_VERSIONS ON)
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS json)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(simdjson REQUIRED)
