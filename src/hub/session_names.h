#pragma once
// The texts that a session keeps for lists and events, in one block: there are very many sessions.

#include <cstdint>
#include <memory>
#include <string_view>

namespace dunlin::hub {

/// Immutable. The transport's name and the peer's address are cut at 255 bytes.
class SessionNames {
 public:
  SessionNames() : SessionNames({}, {}, {}) {}
  /// `client_id` may be empty where it is known from elsewhere; at most kMaxClientIdBytes.
  SessionNames(std::string_view client_id, std::string_view protocol, std::string_view peer);
  std::string_view client_id() const { return {bytes() + kHead, client_size()}; }
  std::string_view protocol() const { return {bytes() + kHead + client_size(), size_at(2)}; }
  std::string_view peer() const { return {protocol().data() + size_at(2), size_at(3)}; }

 private:
  static constexpr std::size_t kHead = 4;  // the client id's size (2 bytes), the protocol's, the peer's
  const char* bytes() const { return block_.get(); }
  std::size_t size_at(std::size_t place) const { return static_cast<std::uint8_t>(block_[place]); }
  std::size_t client_size() const { return size_at(0) << 8 | size_at(1); }

  std::unique_ptr<char[]> block_;
};

}  // namespace dunlin::hub
