#pragma once
// A simulated site with its own thread and network.

#include <memory>

#include "fleet/site.h"

namespace dunlin::apps {

/// The thread that makes it also stops and destroys it.
class SiteProcess {
 public:
  /// Errors: those of fleet::Site::start().
  static Result<std::unique_ptr<SiteProcess>> start(const fleet::SiteConfig& config,
                                                    fleet::CredentialSource credentials);
  virtual ~SiteProcess() = default;
  virtual std::size_t device_count() const = 0;
};

}  // namespace dunlin::apps
