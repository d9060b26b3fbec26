#pragma once
// The fingerprints of revoked certificates, in memory: asked at every handshake, changed rarely.

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace dunlin::security {

/// Any thread. Certificates that have expired need not be in it.
class RevocationIndex {
 public:
  bool is_revoked(std::string_view fingerprint) const {
    const std::shared_lock lock(mutex_);
    return revoked_.contains(std::string(fingerprint));
  }
  void add(std::string fingerprint) {
    {
      const std::lock_guard lock(mutex_);
      if (!revoked_.insert(std::move(fingerprint)).second) return;
    }
    ++version_;
    if (changed_) changed_();
  }
  std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return revoked_.size();
  }
  /// Grows with every addition: what was made of an earlier version lacks something.
  std::uint64_t version() const { return version_.load(); }
  /// Called after each addition, on its thread. Set before there are other threads.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_set<std::string> revoked_;
  std::atomic<std::uint64_t> version_{0};
  std::function<void()> changed_;
};

}  // namespace dunlin::security
