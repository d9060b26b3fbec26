#pragma once
// The picture of an attack: what was refused, how often, when, and to whom. In memory; a restart begins anew.

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/refusal.h"
#include "security/refusal_history.h"
#include "security/top_talkers.h"

namespace dunlin::security {

inline constexpr Duration kRefusalStep = std::chrono::seconds{10};
inline constexpr std::size_t kRefusalSteps = 360;  // an hour
inline constexpr Duration kRefusalLongStep = std::chrono::minutes{1};
inline constexpr std::size_t kRefusalLongSteps = 24 * 60;  // a day
inline constexpr std::size_t kRecentRefusals = 64;

/// Any thread. All memory is taken when it is made (about a megabyte): no refusal takes more, whatever comes
/// in.
class RefusalBook final : public RefusalSink {
 public:
  RefusalBook(const Clock& clock, metrics::Registry& registry);

  /// Under one lock that is never held for longer than a refusal's bookkeeping or a copy for who asks.
  void refused(const Refusal& refusal) override;

  struct Kind {
    std::uint64_t count = 0;  // since the start
    Instant last{};
  };
  using Kinds = std::array<Kind, kRefusalKinds>;
  struct Entry {
    Instant at{};
    RefusalKind kind{};
    Refusal::Identity identity{};
    ShortText<kMaxTalkerName> address;
    ShortText<kMaxTalkerName> device;
    ShortText<kMaxTalkerName> user;
    ShortText<kMaxRefusalReason> reason;
  };
  struct Picture {
    Instant now{};  // all times are before it
    WallTime wall_now{};
    std::uint64_t total = 0;
    Kinds kinds{};
    std::vector<Talker> addresses;  // networks of 64 bits where they are IPv6
    std::vector<Talker> devices;
    std::vector<Talker> users;
    std::vector<Entry> recent;  // the newest first
    std::vector<RefusalHistory::Row> history;
    Duration step{};
  };
  enum class Span : std::uint8_t { hour, day };
  /// At most `limit` of each list.
  Picture picture(std::size_t limit, Span span) const;

  /// What came after `seen` (a former answer's `total`): the newest first, at most `limit`.
  struct News {
    std::uint64_t total = 0;
    Kinds kinds{};
    std::vector<Entry> recent;
    Instant now{};
    WallTime wall_now{};
  };
  News news(std::uint64_t seen, std::size_t limit) const;
  std::uint64_t total() const;

 private:
  std::vector<Entry> newest(std::uint64_t most) const;

  const Clock& clock_;
  std::array<metrics::Cell*, kRefusalKinds> cells_{};  // changed under the lock: one thread at a time
  mutable std::mutex mutex_;
  std::uint64_t total_ = 0;
  Kinds kinds_{};
  RefusalHistory hour_{kRefusalStep, kRefusalSteps};
  RefusalHistory day_{kRefusalLongStep, kRefusalLongSteps};
  TopTalkers addresses_;
  TopTalkers devices_;
  TopTalkers users_;
  std::vector<Entry> recent_{kRecentRefusals};  // the newest at (total_ - 1) % kRecentRefusals
};

}  // namespace dunlin::security
