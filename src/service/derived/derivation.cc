#include "service/derived/derivation.h"

#include <cmath>
#include <utility>

#include "service/derived/limits.h"

namespace dunlin::derived {
namespace {

std::variant<PointEngine, WindowEngine> make_engine(const Definition& definition, LastOf last) {
  if (definition.windows) return WindowEngine(definition);
  return PointEngine(definition, std::move(last));
}

}  // namespace

Held held_of(const series::Point& point) {
  Held held{.time = point.time};
  const auto number = model::number_of(point.value);
  if (number && std::isfinite(*number)) held.number = Cell::of(*number);
  if (const auto* text = std::get_if<std::string>(&point.value); text != nullptr)
    held.text = text->substr(0, kMaxKeptTextBytes);
  return held;
}

Derivation::Derivation(std::shared_ptr<const Definition> definition, LastOf last)
    : definition_(std::move(definition)), engine_(make_engine(*definition_, std::move(last))) {}

void Derivation::keep(std::vector<Due> due) {
  std::ranges::move(due, std::back_inserter(due_));
}

void Derivation::add(const std::string& device, std::size_t input, const series::Point& point, Trace trace,
                     WallTime now) {
  Held held = held_of(point);
  if (auto* windows = std::get_if<WindowEngine>(&engine_)) {
    if (held.number.is_known()) keep(windows->add(device, {held.time, held.number.number}, trace, now));
    return;
  }
  auto& points = std::get<PointEngine>(engine_);
  if (!definition_->formula.inputs()[input].device.empty())
    return points.add_foreign(input, std::move(held), now);
  keep(points.add(device, input, std::move(held), trace, now));
}

void Derivation::look(WallTime now) {
  keep(std::visit([now](auto& engine) { return engine.look(now); }, engine_));
}

void Derivation::close() {
  keep(std::visit([](auto& engine) { return engine.close(); }, engine_));
}

std::vector<Derived> Derivation::take_results() {
  std::vector<Due> due = std::exchange(due_, {});
  std::vector<Row> rows;
  rows.reserve(due.size());
  for (Due& one : due) rows.push_back(std::move(one.row));
  const auto values = definition_->formula.evaluate(rows);
  std::vector<Derived> results;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (values[i]) results.push_back({rows[i].device, rows[i].time, *values[i], due[i].trace});
  }
  return results;
}

Counts Derivation::counts() const {
  return std::visit([](const auto& engine) { return Counts(engine.counts()); }, engine_);
}

std::size_t Derivation::devices() const {
  return std::visit([](const auto& engine) { return engine.devices(); }, engine_);
}

std::vector<std::string> Derivation::take_changed() {
  return std::visit([](auto& engine) { return engine.take_changed(); }, engine_);
}

std::string Derivation::save(std::string_view device) const {
  return std::visit([device](const auto& engine) { return engine.save(device); }, engine_);
}

Result<void> Derivation::restore(const std::string& device, std::string_view bytes) {
  return std::visit([&](auto& engine) -> Result<void> { return engine.restore(device, bytes); }, engine_);
}

}  // namespace dunlin::derived
