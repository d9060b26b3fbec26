#pragma once
// Room-internal: CONNECT, the one packet that tells its own version.

#include "wire/mqtt/decode.h"
#include "wire/mqtt/packet.h"
#include "wire/mqtt/reader.h"

namespace dunlin::mqtt {

struct ConnectReading {
  Connect connect;
  bool speaks_mqtt = false;                           // the protocol name was read and is one of MQTT's
  ProtocolVersion version = ProtocolVersion::v3_1_1;  // that an answer is written in
};

/// Reads all behind the fixed header. Failures are the reader's.
ConnectReading read_connect(Reader& reader);

/// What may be said to a client whose CONNECT failed with `reason`: 3.1.1 sections 3.1.4 and 3.2.2.3, 5.0
/// section 3.1.4.
Answer connect_answer(const ConnectReading& reading, ReasonCode reason);

}  // namespace dunlin::mqtt
