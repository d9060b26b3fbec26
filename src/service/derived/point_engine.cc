#include "service/derived/point_engine.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "service/analytics/condition.h"
#include "service/analytics/limits.h"
#include "service/derived/limits.h"

namespace dunlin::derived {
namespace {

constexpr std::uint8_t kVersion = 1;

using store::ByteReader;
using store::ByteWriter;

void save_held(ByteWriter& out, const Held& held) {
  out.signed_varint(unix_nanoseconds(held.time));
  out.byte(held.number.is_known() ? 1 : 0);
  if (held.number.is_known()) {
    out.number(held.number.number);
  } else {
    out.counted_text(held.text);
  }
}

Held load_held(ByteReader& in) {
  Held held{.time = from_unix_nanoseconds(in.signed_varint())};
  const std::uint8_t kind = in.byte();
  if (kind > 1 || !analytics::is_event_time(held.time)) in.broken();
  if (kind == 1) {
    held.number = Cell::of(in.number());
    if (!std::isfinite(held.number.number)) in.broken();
  } else {
    held.text = std::string(in.counted_text());
    if (held.text.size() > kMaxKeptTextBytes) in.broken();
  }
  return held;
}

void save_optional(ByteWriter& out, const std::optional<Held>& held) {
  out.byte(held ? 1 : 0);
  if (held) save_held(out, *held);
}

std::optional<Held> load_optional(ByteReader& in) {
  const std::uint8_t there = in.byte();
  if (there > 1) in.broken();
  if (there != 1) return std::nullopt;
  return load_held(in);
}

}  // namespace

PointEngine::PointEngine(const Definition& definition, LastOf last)
    : definition_(definition),
      last_(std::move(last)),
      reach_(definition.formula.inputs().size()),
      foreign_(definition.formula.inputs().size()) {
  for (const FormulaColumn& column : definition.formula.columns())
    reach_[column.input] = std::max(reach_[column.input], column.length);
}

PointEngine::Device* PointEngine::device_of(const std::string& name, WallTime first) {
  if (const auto found = devices_.find(name); found != devices_.end()) return &found->second;
  if (devices_.size() >= kMaxStates) return nullptr;
  Device& made = devices_[name];
  const auto& inputs = definition_.formula.inputs();
  made.channels.resize(inputs.size());
  for (std::size_t i = 0; last_ && i < inputs.size(); ++i) {
    if (!inputs[i].device.empty()) continue;
    auto known = last_(name, inputs[i].channel);
    if (known && known->time < first) made.channels[i].last = std::move(known);
  }
  return &made;
}

std::vector<Due> PointEngine::add(const std::string& name, std::size_t input, Held value, Trace trace,
                                  WallTime now) {
  if (!is_taken(value.time, now)) return {};
  Device* device = device_of(name, value.time);
  if (device == nullptr) {
    ++counts_.refused;
    return {};
  }
  if (device->passed && value.time < *device->passed) {
    ++counts_.late;
    return {};
  }
  device->latest = std::max(device->latest.value_or(value.time), value.time);
  device->arrived = std::max(device->arrived, now);
  // Behind those of the same time: what came later counts.
  const auto at = std::ranges::upper_bound(device->waiting, value.time, {},
                                           [](const Waiting& waiting) { return waiting.value.time; });
  device->waiting.insert(at, {input, std::move(value), trace});
  changed_.insert(name);
  WallTime until = *device->latest - definition_.lateness;
  if (device->waiting.size() > kMaxWaiting) {
    ++counts_.crowded;
    until = std::max(until, device->waiting.front().value.time);
  }
  return pass(name, *device, until);
}

/// A clock that is far ahead would make everything after it old.
bool PointEngine::is_taken(WallTime time, WallTime now) {
  if (analytics::is_event_time(time) && analytics::between(now, time) <= kMaxAhead) return true;
  ++counts_.ahead;
  return false;
}

void PointEngine::add_foreign(std::size_t input, Held value, WallTime now) {
  if (!is_taken(value.time, now)) return;
  std::deque<Held>& values = foreign_[input];
  const auto at = std::ranges::upper_bound(values, value.time, {}, &Held::time);
  values.insert(at, std::move(value));
  if (values.size() > kMaxForeignValues) values.pop_front();
  changed_.insert("");
}

std::vector<Due> PointEngine::pass(const std::string& name, Device& device, WallTime until) {
  std::vector<Due> due;
  while (!device.waiting.empty() && device.waiting.front().value.time <= until) {
    const WallTime time = device.waiting.front().value.time;
    Trace trace;
    while (!device.waiting.empty() && device.waiting.front().value.time == time) {
      trace.add(device.waiting.front().trace);
      take(device, device.waiting.front());
      device.waiting.pop_front();
    }
    due.push_back({row_at(name, device, time), trace});
    device.passed = std::max(device.passed.value_or(time), time);
  }
  // What is older than the clock is late even where nothing was computed there.
  if (device.passed && definition_.lateness > Duration::zero())
    device.passed = std::max(*device.passed, until);
  return due;
}

void PointEngine::take(Device& device, const Waiting& sample) {
  Channel& channel = device.channels[sample.input];
  const Held& value = sample.value;
  const bool again = channel.last && channel.last->time == value.time;
  if (!again) channel.previous = std::exchange(channel.last, std::nullopt);
  channel.last = value;
  if (reach_[sample.input] == Duration::zero()) return;
  if (again && !channel.events.empty() && channel.events.back().time == value.time) channel.events.pop_back();
  if (!value.number.is_known()) return;
  channel.events.push_back(
      {value.time, std::clamp(value.number.number, -analytics::kMostEventValue, analytics::kMostEventValue)});
  // One before the window stays: its value holds on into it.
  const WallTime begin = value.time - reach_[sample.input];
  while (channel.events.size() > 1 && channel.events[1].time <= begin) channel.events.pop_front();
  if (channel.events.size() <= analytics::kMaxWindowEvents) return;
  channel.events.pop_front();
  ++counts_.crowded;
}

Row PointEngine::row_at(const std::string& name, const Device& device, WallTime time) const {
  Row row{name, time};
  const auto& columns = definition_.formula.columns();
  row.cells.reserve(columns.size());
  for (const FormulaColumn& column : columns) row.cells.push_back(cell_of(device, column, time));
  return row;
}

Cell PointEngine::cell_of(const Device& device, const FormulaColumn& column, WallTime time) const {
  if (!definition_.formula.inputs()[column.input].device.empty()) return foreign_at(column, time);
  const Channel& channel = device.channels[column.input];
  if (column.length > Duration::zero()) return window_at(channel, column, time);
  return held_at(column.take == Take::previous ? channel.previous : channel.last, column.take, time);
}

Cell PointEngine::held_at(const std::optional<Held>& held, Take take, WallTime time) const {
  if (!held) return {};
  const bool old = definition_.max_age > Duration::zero() && time - held->time > definition_.max_age;
  if (old) return {};
  if (take != Take::text) return held->number;
  // A number is no text: CAST says how it is to be written.
  if (held->number.is_known()) return {};
  return {Cell::State::known, 0, held->text};
}

/// Of the values in (time - length, time].
Cell PointEngine::window_at(const Channel& channel, const FormulaColumn& column, WallTime time) const {
  using Options = analytics::AggregateOptions;
  const WallTime begin = time - column.length;
  const auto first = std::ranges::upper_bound(channel.events, begin, {}, &analytics::Event::time);
  std::optional<double> held;
  if (first != channel.events.begin()) held = std::prev(first)->value;
  const Options options{.percentiles = column.take == Take::percentile ? Options::Percentiles::kept
                                                                       : Options::Percentiles::none};
  analytics::Aggregate values(options, begin, held);
  for (auto at = first; at != channel.events.end() && at->time <= time; ++at) values.add(*at);
  values.end(time);
  if (column.take == Take::count) return Cell::of(static_cast<double>(values.count()));
  if (values.count() == 0) return {};
  return Cell::of(number_of(column.take, column.quantile, values));
}

Cell PointEngine::foreign_at(const FormulaColumn& column, WallTime time) const {
  const std::deque<Held>& values = foreign_[column.input];
  const auto behind = std::ranges::upper_bound(values, time, {}, &Held::time);
  if (behind != values.begin()) return held_at(*std::prev(behind), column.take, time);
  if (!values.empty() || !last_) return {};
  const Input& input = definition_.formula.inputs()[column.input];
  const auto known = last_(input.device, input.channel);
  return known && known->time <= time ? held_at(known, column.take, time) : Cell{};
}

std::vector<Due> PointEngine::look(WallTime now) {
  std::vector<Due> all;
  if (definition_.lateness == Duration::zero()) return all;
  for (auto& [name, device] : devices_) {
    if (device.waiting.empty() || analytics::between(device.arrived, now) <= definition_.lateness + kIdle)
      continue;
    changed_.insert(name);
    std::ranges::move(pass(name, device, *device.latest), std::back_inserter(all));
  }
  return all;
}

std::vector<Due> PointEngine::close() {
  std::vector<Due> all;
  for (auto& [name, device] : devices_) {
    if (device.latest) std::ranges::move(pass(name, device, *device.latest), std::back_inserter(all));
  }
  return all;
}

std::vector<std::string> PointEngine::take_changed() {
  std::vector<std::string> changed(changed_.begin(), changed_.end());
  changed_.clear();
  return changed;
}

std::string PointEngine::save(std::string_view name) const {
  ByteWriter out;
  out.byte(kVersion);
  if (name.empty()) {
    for (const std::deque<Held>& values : foreign_) {
      out.varint(values.size());
      for (const Held& value : values) save_held(out, value);
    }
    return out.take();
  }
  const auto found = devices_.find(name);
  if (found == devices_.end()) return {};
  const Device& device = found->second;
  analytics::save_time(out, device.latest);
  analytics::save_time(out, device.passed);
  out.signed_varint(unix_nanoseconds(device.arrived));
  for (const Channel& channel : device.channels) {
    save_optional(out, channel.last);
    save_optional(out, channel.previous);
    analytics::save_events(out, channel.events);
  }
  out.varint(device.waiting.size());
  for (const Waiting& waiting : device.waiting) {
    out.varint(waiting.input);
    out.byte(static_cast<std::uint8_t>(std::clamp(waiting.trace.hops, 0, 127) << 1 |
                                       (waiting.trace.watch == model::Watch::muted ? 1 : 0)));
    save_held(out, waiting.value);
  }
  return out.take();
}

Result<void> PointEngine::restore(const std::string& name, std::string_view bytes) {
  const auto corrupt = [] { return fail(Errc::corrupt, "the saved state of a derived channel is damaged"); };
  ByteReader in(bytes);
  if (in.byte() != kVersion) return corrupt();
  if (name.empty()) {
    for (std::deque<Held>& values : foreign_) {
      const std::uint64_t count = in.varint();
      if (count > kMaxForeignValues) return corrupt();
      for (std::uint64_t i = 0; i < count && in.ok(); ++i) values.push_back(load_held(in));
      if (!std::ranges::is_sorted(values, {}, &Held::time)) in.broken();
    }
    if (in.at_end()) return {};
    for (std::deque<Held>& values : foreign_) values.clear();
    return corrupt();
  }
  Device device;
  device.latest = analytics::load_time(in);
  device.passed = analytics::load_time(in);
  device.arrived = from_unix_nanoseconds(in.signed_varint());
  device.channels.resize(definition_.formula.inputs().size());
  for (Channel& channel : device.channels) {
    channel.last = load_optional(in);
    channel.previous = load_optional(in);
    channel.events = analytics::load_events(in);
  }
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    Waiting waiting{.input = in.varint(), .value = {.time = {}}};
    const std::uint8_t trace = in.byte();
    waiting.trace = {trace >> 1, (trace & 1) != 0 ? model::Watch::muted : model::Watch::watched};
    waiting.value = load_held(in);
    const bool in_order = device.waiting.empty() || device.waiting.back().value.time <= waiting.value.time;
    if (!in_order || waiting.input >= device.channels.size() || device.waiting.size() >= kMaxWaiting ||
        !device.latest)
      in.broken();
    if (in.ok()) device.waiting.push_back(std::move(waiting));
  }
  const auto sane = [](std::optional<WallTime> time) { return !time || analytics::is_event_time(*time); };
  if (!in.at_end() || !sane(device.latest) || !sane(device.passed) ||
      !analytics::is_event_time(device.arrived))
    return corrupt();
  if (devices_.size() >= kMaxStates) return fail(Errc::limit_exceeded, "more devices than can be kept");
  devices_.insert_or_assign(name, std::move(device));
  return {};
}

}  // namespace dunlin::derived
