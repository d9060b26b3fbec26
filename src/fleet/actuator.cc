#include "fleet/actuator.h"

#include <algorithm>
#include <cmath>

#include "fleet/generator.h"

namespace dunlin::fleet {

Result<void> Actuator::want(const ActuatorValue& value) {
  if (config_.kind == ActuatorKind::on_off) {
    const bool* flag = std::get_if<bool>(&value);
    if (flag == nullptr) return fail(Errc::invalid_argument, config_.name + " takes true or false");
    target_ = *flag ? config_.most : config_.least;
    return {};
  }
  const double* number = std::get_if<double>(&value);
  if (number == nullptr || !std::isfinite(*number))
    return fail(Errc::invalid_argument, config_.name + " takes a number");
  target_ = std::clamp(*number, config_.least, config_.most);
  return {};
}

bool Actuator::advance(Duration time) {
  if (!moving()) return false;
  const double travel = std::chrono::duration<double>(config_.travel).count();
  const double seconds = std::chrono::duration<double>(time).count();
  const double way = target_ - position_;
  const double step = travel > 0 ? (config_.most - config_.least) * seconds / travel : std::abs(way);
  position_ = std::abs(way) <= step ? target_ : position_ + std::copysign(step, way);
  return !moving();
}

void Actuator::drop() {
  position_ = target_ = config_.rest;
}

std::string Actuator::to_json() const {
  if (config_.kind == ActuatorKind::on_off) return position_ >= config_.most ? "true" : "false";
  return Generator::to_text(position_, 9);
}

}  // namespace dunlin::fleet
