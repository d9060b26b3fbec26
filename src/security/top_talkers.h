#pragma once
// Who is refused most, in memory that does not grow: the Space-Saving summary (Metwally, Agrawal, El Abbadi:
// Efficient Computation of Frequent and Top-k Elements in Data Streams, ICDT 2005).

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/refusal.h"

namespace dunlin::security {

/// Names known at once. Whoever has made more than one in kMaxTalkers of all refusals is among them.
inline constexpr std::size_t kMaxTalkers = 256;
inline constexpr std::size_t kMaxTalkerName = 64;      // bytes; names that begin alike are one
inline constexpr std::size_t kMaxRefusalReason = 120;  // bytes
/// Who has been quiet for this long is forgotten.
inline constexpr Duration kTalkerMemory = std::chrono::hours{1};
/// `recent` is of the present span of this and the one before.
inline constexpr Duration kTalkerSpan = std::chrono::minutes{5};

/// Bytes in place, cut to N and never inside a character of UTF-8; never more memory.
template <std::size_t N>
class ShortText {
 public:
  static std::string_view cut(std::string_view text) {
    std::size_t size = std::min(text.size(), N);
    while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
      --size;
    return text.substr(0, size);
  }
  void set(std::string_view text) {
    const std::string_view kept = cut(text);
    size_ = static_cast<std::uint8_t>(kept.size());
    std::ranges::copy(kept, bytes_.begin());
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  static_assert(N < 256);
  std::array<char, N> bytes_{};
  std::uint8_t size_ = 0;
};

/// One name, and what was refused to it.
struct Talker {
  ShortText<kMaxTalkerName> name;
  ShortText<kMaxTalkerName> peer;  // the last one beside it: a device of an address, an address of a device
  ShortText<kMaxRefusalReason> reason;  // the last
  std::uint64_t count = 0;              // since `first`, and `over` that it may have had before
  std::uint64_t over = 0;
  std::array<std::uint32_t, 2> spans{};  // of the present kTalkerSpan and the one before
  std::int64_t span = 0;                 // which the present one is
  std::uint64_t kinds = 0;               // a bit for each that was among them
  RefusalKind last_kind{};
  Refusal::Identity identity{};  // of the last
  Instant first{};
  Instant last{};

  std::uint64_t sure() const { return count - over; }
};
static_assert(kRefusalKinds <= 64);

/// Takes no memory after its making. A refusal costs the search of a name and at most log2(kMaxTalkers) moves
/// in a heap. One thread at a time.
class TopTalkers {
 public:
  TopTalkers();

  /// `name` must not be empty.
  void add(std::string_view name, std::string_view peer, const Refusal& refusal, Instant now);
  /// The names that were heard of within kTalkerMemory, those that surely were refused most first, at
  /// most `limit`.
  std::vector<Talker> top(std::size_t limit, Instant now) const;
  std::size_t size() const { return size_; }
  static std::uint64_t recent(const Talker& talker, Instant now);

 private:
  using Index = std::uint16_t;
  static constexpr Index kNone = 0xFFFF;
  static constexpr std::size_t kBuckets = 512;
  static std::size_t bucket_of(std::string_view name);
  Index find(std::string_view name) const;
  Index take_slot(Instant now);
  void sweep(Instant now);
  void drop(std::size_t place);
  void link(Index slot);
  void unlink(Index slot);
  void settle(std::size_t place);
  void rise(std::size_t place);
  void swap(std::size_t a, std::size_t b);
  bool goes_before(Index a, Index b) const;

  std::vector<Talker> talkers_;
  std::vector<Index> next_;    // of the same bucket
  std::vector<Index> places_;  // of each talker in the heap
  std::vector<Index> heap_;    // the least refused first; behind size_ are those that are free
  std::array<Index, kBuckets> buckets_;
  std::size_t size_ = 0;
  Instant swept_{};
  std::uint64_t lost_ = 0;  // the highest count of those that gave way within kTalkerMemory
  Instant lost_at_{};
};

}  // namespace dunlin::security
