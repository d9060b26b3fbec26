#pragma once
// What somebody has found: that a condition is there, or that it is over.

#include <string>
#include <vector>

#include "service/alarm/alarm.h"

namespace dunlin::alarm {

struct Finding {
  TenantId tenant;
  std::string name;
  std::string thing;
  std::string rule;  // which one found it, or another service's name; empty: a device
  Severity severity = Severity::warning;
  std::string message;
  WallTime at{};
  int hops = 0;  // that the message had passed (model/hops.h)
  enum class Kind : std::uint8_t { raise, clear } kind = Kind::raise;
  Source source = Source::rule;
  std::string device;         // who sent a device's word
  std::vector<Cause> causes;  // without the finder itself, the first cause first
};

}  // namespace dunlin::alarm
