#pragma once

#include <cstdint>
#include <string>

namespace dunlin::platform {

/// The process that listens on a TCP port of this machine, e.g. "mosquitto (process 1234)", or "another
/// process" where that cannot be seen. Reads /proc.
std::string port_owner(std::uint16_t port);

/// This process's id.
int process_id();

}  // namespace dunlin::platform
