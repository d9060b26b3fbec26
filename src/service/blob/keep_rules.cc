#include "service/blob/keep_rules.h"

#include <tuple>

#include "model/selection.h"
#include "service/blob/limits.h"
#include "service/blob/names.h"

namespace dunlin::blob {

Duration keep_of(const KeepRules& rules, std::string_view media_type, std::string_view device) {
  const KeepRule* best = nullptr;
  const auto rank = [](const KeepRule& rule) {
    return std::pair(rule.device.size(), rule.media_type.size());
  };
  for (const KeepRule& rule : rules.rules) {
    if (!model::fits_pattern(rule.media_type, media_type) || !model::fits_pattern(rule.device, device))
      continue;
    if (best == nullptr || rank(rule) > rank(*best)) best = &rule;
  }
  return best == nullptr ? rules.otherwise : best->keep;
}

Result<void> check(const KeepRules& rules) {
  if (rules.rules.size() > kMaxKeepRules)
    return fail(Errc::limit_exceeded,
                "there may be " + std::to_string(kMaxKeepRules) + " [[blobs.rule]] tables");
  for (const KeepRule& rule : rules.rules) {
    if (rule.media_type.empty() && rule.device.empty())
      return fail(Errc::invalid_argument,
                  "a [[blobs.rule]] must name a media_type or a device; blobs.keep is for all others");
    if (rule.media_type.size() > store::kMaxMediaTypeBytes || rule.device.size() > store::kMaxBlobDeviceBytes)
      return fail(Errc::invalid_argument, "a [[blobs.rule]] names something that is too long");
  }
  return {};
}

}  // namespace dunlin::blob
