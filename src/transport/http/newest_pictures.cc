#include "transport/http/newest_pictures.h"

#include <algorithm>

#include "transport/http/limits.h"

namespace dunlin::transport {

void NewestPictures::put(LivePicture picture) {
  const Key key(picture.tenant, picture.device, picture.channel);
  Kept& kept = kept_[key];
  bytes_ = bytes_ - kept.picture.bytes.size() + picture.bytes.size();
  kept = {std::move(picture), ++turns_};
  while (kept_.size() > kMaxKeptPictures || bytes_ > kMaxKeptPictureBytes) {
    erase(std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.turn; }));
  }
}

void NewestPictures::forget(TenantId tenant, const std::string& device) {
  auto at = kept_.lower_bound(Key(tenant, device, ""));
  while (at != kept_.end() && at->second.picture.tenant == tenant && at->second.picture.device == device)
    at = erase(at);
}

const LivePicture* NewestPictures::find(TenantId tenant, const std::string& device,
                                        const std::string& channel) const {
  const auto found = kept_.find(Key(tenant, device, channel));
  return found == kept_.end() ? nullptr : &found->second.picture;
}

void NewestPictures::for_each(TenantId tenant, const std::function<void(const LivePicture&)>& handler) const {
  for (const auto& [key, kept] : kept_) {
    if (kept.picture.tenant == tenant) handler(kept.picture);
  }
}

NewestPictures::Map::iterator NewestPictures::erase(Map::iterator at) {
  bytes_ -= at->second.picture.bytes.size();
  return kept_.erase(at);
}

}  // namespace dunlin::transport
