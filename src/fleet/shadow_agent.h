#pragma once
// A device's side of its shadow: topics and documents (docs/formats/shadow.md). Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "fleet/actuator.h"

namespace dunlin::fleet {

struct Wish {
  std::string name;
  ActuatorValue value;
};

class ShadowAgent {
 public:
  explicit ShadowAgent(const std::string& thing) : prefix_("$dunlin/things/" + thing + "/shadow/") {}

  std::vector<std::string> filters() const { return {prefix_ + "update/delta", prefix_ + "get/accepted"}; }
  std::string get_topic() const { return prefix_ + "get"; }
  std::string update_topic() const { return prefix_ + "update"; }

  /// What a message on one of the filters wishes; nothing when it is older than one that was taken. Members
  /// that are neither number nor truth value are left out. Errors: malformed, limit_exceeded, not_found
  /// (another topic).
  Result<std::vector<Wish>> take(std::string_view topic, std::string_view payload);

  /// {"state":{"reported":{..}}}; the values are JSON already.
  static std::string report(const std::vector<std::pair<std::string, std::string>>& members);

 private:
  std::string prefix_;
  std::uint64_t version_ = 0;
};

}  // namespace dunlin::fleet
