#pragma once
// The fingerprints of revoked certificates, in memory: asked at every handshake, changed rarely.

#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace dunlin::security {

/// Any thread. Certificates that have expired need not be in it.
class RevocationIndex {
 public:
  bool is_revoked(std::string_view fingerprint) const {
    const std::shared_lock lock(mutex_);
    return revoked_.contains(std::string(fingerprint));
  }
  void add(std::string fingerprint) {
    const std::lock_guard lock(mutex_);
    revoked_.insert(std::move(fingerprint));
  }
  std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return revoked_.size();
  }

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_set<std::string> revoked_;
};

}  // namespace dunlin::security
