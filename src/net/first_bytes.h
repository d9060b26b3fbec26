#pragma once
// Connections whose first bytes decide what becomes of them.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "net/network.h"

namespace dunlin::net {

/// Holds connections until their first bytes have been judged, then hands them on with the bytes that were
/// not consumed. Destroying it breaks those that wait without calling anyone. The connections' thread only.
class FirstBytes {
 public:
  struct Verdict {
    enum class Status : std::uint8_t { need_more, take, refuse } status = Status::need_more;
    std::size_t consumed = 0;       // take: how many bytes do not belong to the connection
    AcceptHandler* next = nullptr;  // take: who gets the connection, from a later task
    std::string_view why;           // refuse: static text
  };
  /// Sees all bytes that have come so far.
  using Judge = std::function<Verdict(Connection&, ByteView)>;
  enum class Refusal : std::uint8_t { bad, late, ended, too_many };
  static constexpr std::size_t kRefusals = 4;
  /// Told of each connection that is not handed on, before it goes.
  using Refused = std::function<void(const PeerInfo&, Refusal, std::string_view why)>;

  struct Options {
    Duration deadline;
    std::size_t max_waiting;
    std::size_t max_bytes;  // without a verdict
  };

  FirstBytes(Options options, Judge judge, Refused refused);
  ~FirstBytes();
  FirstBytes(const FirstBytes&) = delete;
  FirstBytes& operator=(const FirstBytes&) = delete;

  void add(std::unique_ptr<Connection> connection);
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting;
  std::size_t judge(Waiting& waiting, ByteView bytes);
  void hand_on(std::uint64_t id);
  void timed_out(std::uint64_t id);
  void refuse(std::uint64_t id, Refusal refusal, std::string_view why);

  Options options_;
  Judge judge_;
  Refused refused_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Waiting>> waiting_;
  // Shared with posted tasks, which may run after this object has gone.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

std::string_view refusal_name(FirstBytes::Refusal refusal);

}  // namespace dunlin::net
