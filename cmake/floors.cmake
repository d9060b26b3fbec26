# Every room in order, from the ground up. A room's own CMakeLists.txt calls dunlin_room().
foreach(folder
    src/base
    src/wire/mqtt src/wire/proxy src/wire/line_protocol src/wire/cbor
    src/keys
    src/net src/net/http src/net/smtp src/net/websocket
    src/store src/store/chunk src/store/blob src/store/rocks src/store/sqlite
    src/hub
    src/security
    src/model
    src/service/settings src/service/registry src/service/presence src/service/series src/service/shadow src/service/alarm src/service/behaviour src/service/rules src/service/query
    src/service/access src/service/audit src/service/provision src/service/broker src/service/forward src/service/analytics src/service/monitor src/service/derived src/service/retention src/service/backup src/service/blob
    src/transport/mqtt src/transport/http src/transport/bridge
    web
    src/platform src/edge src/fleet src/load
    src/apps
    tests tests/conformance tests/sim tests/e2e
    bench)
  if(EXISTS "${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt")
    add_subdirectory(${folder})
  endif()
endforeach()
