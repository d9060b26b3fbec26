#pragma once
// The newest picture of each camera, kept for pages that come late.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "hub/principal.h"

namespace dunlin::transport {

/// One picture as pages see it.
struct LivePicture {
  TenantId tenant;
  std::string device;
  std::string channel;
  WallTime time{};  // when it was taken
  std::string bytes;
};

/// At most kMaxKeptPictures and kMaxKeptPictureBytes together: of those over it the pictures go first that
/// have not been replaced for the longest time. One thread.
class NewestPictures {
 public:
  void put(LivePicture picture);
  void forget(TenantId tenant, const std::string& device);
  /// Null where there is none. Valid until the next change.
  const LivePicture* find(TenantId tenant, const std::string& device, const std::string& channel) const;
  void for_each(TenantId tenant, const std::function<void(const LivePicture&)>& handler) const;

  std::size_t size() const { return kept_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    LivePicture picture;
    std::uint64_t turn = 0;  // rises with every put
  };
  using Key = std::tuple<TenantId, std::string, std::string>;
  using Map = std::map<Key, Kept>;
  Map::iterator erase(Map::iterator at);

  Map kept_;
  std::size_t bytes_ = 0;
  std::uint64_t turns_ = 0;
};

}  // namespace dunlin::transport
