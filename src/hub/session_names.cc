#include "hub/session_names.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dunlin::hub {

SessionNames::SessionNames(std::string_view client_id, std::string_view protocol, std::string_view peer) {
  DUNLIN_ASSERT(client_id.size() <= 0xFFFF);
  protocol = protocol.substr(0, 255);
  peer = peer.substr(0, 255);
  block_ = std::make_unique_for_overwrite<char[]>(kHead + client_id.size() + protocol.size() + peer.size());
  block_[0] = static_cast<char>(client_id.size() >> 8);
  block_[1] = static_cast<char>(client_id.size());
  block_[2] = static_cast<char>(protocol.size());
  block_[3] = static_cast<char>(peer.size());
  char* end = std::ranges::copy(client_id, block_.get() + kHead).out;
  end = std::ranges::copy(protocol, end).out;
  std::ranges::copy(peer, end);
}

}  // namespace dunlin::hub
