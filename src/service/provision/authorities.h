#pragma once
// The registered authorities in memory: asked for each certificate of others.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "service/provision/grant.h"

namespace dunlin::provision {

/// One executor's thread.
class Authorities {
 public:
  /// Called when the list of those that TLS should trust has changed.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  /// The present state of one; a removed one has to be taken out.
  void put(const Grant& grant);
  void remove(std::string_view fingerprint);
  /// At start-up: no call of on_change().
  void fill(std::vector<Grant> grants) { grants_ = std::move(grants); }

  std::size_t size() const { return grants_.size(); }
  /// PEM of the enabled ones.
  std::vector<std::string> trusted() const;
  bool is_trusted(std::string_view fingerprint) const;
  /// The enabled authority nearest to the leaf that vouches for it. Errors: permission_denied (none; the
  /// sentence says why), malformed.
  Result<std::string> find(std::string_view leaf_der, std::string_view intermediates_pem, WallTime now) const;

 private:
  std::vector<Grant> grants_;
  std::function<void()> changed_;
};

}  // namespace dunlin::provision
