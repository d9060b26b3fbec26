#pragma once
// The physical state that the devices of a site share: the last value of every channel and actuator.

#include <map>
#include <string>

namespace dunlin::fleet {

/// One thread.
class Plant {
 public:
  /// The place of "device.channel"; 0 until it is set. It lives as long as the plant.
  double& quantity(const std::string& name) { return quantities_[name]; }

 private:
  std::map<std::string, double> quantities_;  // a map's places do not move
};

}  // namespace dunlin::fleet
