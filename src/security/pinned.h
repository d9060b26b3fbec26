#pragma once
// The fingerprints of certificates that are taken by themselves, in memory: asked in handshakes.

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace dunlin::security {

/// Any thread. That a certificate is in it says nothing of its revocation or dates.
class PinnedIndex {
 public:
  /// Most servers have none, and need not know what the certificate's fingerprint is to say so.
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }
  bool contains(std::string_view fingerprint) const {
    const std::shared_lock lock(mutex_);
    return pinned_.contains(std::string(fingerprint));
  }
  void add(std::string fingerprint) {
    const std::lock_guard lock(mutex_);
    pinned_.insert(std::move(fingerprint));
    count_.store(pinned_.size(), std::memory_order_relaxed);
  }
  void remove(std::string_view fingerprint) {
    const std::lock_guard lock(mutex_);
    pinned_.erase(std::string(fingerprint));
    count_.store(pinned_.size(), std::memory_order_relaxed);
  }

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_set<std::string> pinned_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace dunlin::security
