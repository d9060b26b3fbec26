#include "transport/bridge/origin.h"

#include "transport/bridge/limits.h"

namespace dunlin::bridge {

Passage passage(const hub::Properties* properties, std::string_view node) {
  if (properties == nullptr) return Passage::open;
  std::size_t hops = 0;
  bool own_is_last = false;
  bool has_own = false;
  for (const auto& [key, value] : properties->user) {
    if (key != kOriginProperty) continue;
    own_is_last = value == node;
    has_own = has_own || own_is_last;
    ++hops;
  }
  if (own_is_last) return Passage::marked;
  if (has_own) return Passage::seen;
  return hops >= kMaxHops ? Passage::too_far : Passage::open;
}

std::shared_ptr<const hub::Properties> marked(const std::shared_ptr<const hub::Properties>& properties,
                                              const std::string& node) {
  auto made =
      properties ? std::make_shared<hub::Properties>(*properties) : std::make_shared<hub::Properties>();
  made->user.emplace_back(kOriginProperty, node);
  return made;
}

}  // namespace dunlin::bridge
