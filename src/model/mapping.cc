#include "model/mapping.h"

#include <algorithm>
#include <array>

#include "base/core/assert.h"
#include "model/payload.h"

namespace dunlin::model {
namespace {

constexpr std::array<std::string_view, 5> kNames{"project", "site", "device_type", "device_id",
                                                 "telemetry_type"};

std::vector<std::string_view> split_levels(std::string_view topic) {
  std::vector<std::string_view> levels;
  while (true) {
    const std::size_t slash = topic.find('/');
    levels.push_back(topic.substr(0, slash));
    if (slash == std::string_view::npos) return levels;
    topic.remove_prefix(slash + 1);
  }
}

bool is_historical(const hub::Message& message) {
  if (!message.properties) return false;
  const auto marks = [](const auto& property) {
    return property.first == kHistoricalProperty && property.second == "true";
  };
  return std::ranges::any_of(message.properties->user, marks);
}

}  // namespace

Result<Mapping::Row> Mapping::compile(MappingRow row) {
  Row compiled;
  bool has_device = false;
  bool has_channel = !row.channel.empty();
  if (row.channel.size() > kMaxChannelBytes)
    return fail(Errc::invalid_argument, "a mapping row's channel has at most 256 bytes");
  if (row.pattern.starts_with('$')) {
    return fail(Errc::invalid_argument,
                "mapping pattern \"" + row.pattern + "\": topics that begin with $ belong to the system");
  }
  for (const std::string_view level : split_levels(row.pattern)) {
    if (level == "+") {
      compiled.levels.push_back({Level::Kind::any, {}});
    } else if (level.starts_with('{') && level.ends_with('}')) {
      const std::string_view name = level.substr(1, level.size() - 2);
      if (std::ranges::find(kNames, name) == kNames.end()) {
        return fail(Errc::invalid_argument,
                    "mapping pattern \"" + row.pattern + "\": {" + std::string(name) +
                        "} is none of {project}, {site}, {device_type}, {device_id}, {telemetry_type}");
      }
      if (name == "device_id" && has_device) {
        return fail(Errc::invalid_argument, "mapping pattern \"" + row.pattern + "\" has {device_id} twice");
      }
      has_device |= name == "device_id";
      has_channel |= name == "telemetry_type";
      compiled.levels.push_back({Level::Kind::named, std::string(name)});
    } else if (level.find_first_of("+#{}") != std::string_view::npos) {
      return fail(Errc::invalid_argument,
                  "mapping pattern \"" + row.pattern + "\": a level is a text, + or {name}");
    } else {
      compiled.levels.push_back({Level::Kind::literal, std::string(level)});
    }
  }
  if (!has_device)
    return fail(Errc::invalid_argument, "mapping pattern \"" + row.pattern + "\" needs {device_id}");
  if (!has_channel) {
    return fail(Errc::invalid_argument,
                "mapping pattern \"" + row.pattern + "\" needs {telemetry_type}, or the row a channel");
  }
  compiled.source = std::move(row);
  return compiled;
}

Result<Mapping> Mapping::make(std::vector<MappingRow> rows) {
  Mapping mapping;
  for (MappingRow& row : rows) {
    DUNLIN_TRY(Row compiled, compile(std::move(row)));
    mapping.rows_.push_back(std::move(compiled));
  }
  return mapping;
}

Mapping Mapping::standard() {
  MappingRow picture{"{project}/{site}/{device_type}/{device_id}/frame", PayloadShape::binary, "frame", ""};
  auto mapping = make({std::move(picture), MappingRow{}});
  DUNLIN_ASSERT(mapping.has_value());
  return *std::move(mapping);
}

std::vector<std::string> Mapping::filters() const {
  return filters_of("+");
}

std::vector<std::string> Mapping::filters_of(std::string_view device) const {
  std::vector<std::string> filters;
  for (const Row& row : rows_) {
    std::string filter;
    for (const Level& level : row.levels) {
      if (!filter.empty()) filter += '/';
      const bool is_device = level.kind == Level::Kind::named && level.text == "device_id";
      const std::string_view open = is_device ? device : std::string_view("+");
      filter += level.kind == Level::Kind::literal ? std::string_view(level.text) : open;
    }
    if (std::ranges::find(filters, filter) == filters.end()) filters.push_back(std::move(filter));
  }
  return filters;
}

std::optional<TopicFacts> Mapping::match(const Row& row, std::string_view topic) {
  const auto levels = split_levels(topic);
  if (levels.size() != row.levels.size()) return std::nullopt;
  TopicFacts facts;
  facts.channel = row.source.channel;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const Level& level = row.levels[i];
    if (level.kind == Level::Kind::any) continue;
    if (level.kind == Level::Kind::literal) {
      if (level.text != levels[i]) return std::nullopt;
      continue;
    }
    if (levels[i].empty() || levels[i].size() > kMaxChannelBytes) return std::nullopt;
    if (level.text == "device_id") {
      facts.device = levels[i];
    } else if (level.text == "telemetry_type") {
      facts.channel = levels[i];
    } else {
      facts.attributes.emplace_back(level.text, levels[i]);
    }
  }
  return facts;
}

Result<PayloadShape> payload_shape(std::string_view name) {
  if (name == "json") return PayloadShape::json;
  if (name == "cbor") return PayloadShape::cbor;
  if (name == "senml") return PayloadShape::senml;
  if (name == "binary") return PayloadShape::binary;
  return fail(Errc::invalid_argument, "payload must be json, cbor, senml or binary");
}

Result<TopicFacts> Mapping::facts_of(std::string_view topic) const {
  if (topic.starts_with('$')) return fail(Errc::not_found, "the topic belongs to the system");
  for (const Row& row : rows_) {
    if (auto facts = match(row, topic)) return *std::move(facts);
  }
  return fail(Errc::not_found, "no mapping row matches the topic");
}

namespace {

Result<std::vector<Sample>> read_payload(PayloadShape shape, const Slice& payload, const Sample& base) {
  switch (shape) {
    case PayloadShape::json:
      return read_json_payload(payload, base);
    case PayloadShape::cbor:
      return read_cbor_payload(payload, base);
    case PayloadShape::senml:
      return read_senml_payload(payload, base);
    case PayloadShape::binary:
      break;
  }
  Sample sample = base;
  sample.value = Bytes{std::string(payload.text())};
  return std::vector<Sample>{std::move(sample)};
}

}  // namespace

Result<Mapped> Mapping::samples_of(const hub::Message& message) const {
  if (message.topic.text().starts_with('$')) return fail(Errc::not_found, "the topic belongs to the system");
  for (const Row& row : rows_) {
    auto facts = match(row, message.topic.text());
    if (!facts) continue;
    Sample base;
    base.tenant = message.principal ? message.principal->tenant : kDefaultTenant;
    base.device = facts->device;
    base.channel = facts->channel;
    base.t_server = message.received_at;
    base.t_source = message.received_at;
    base.unit = row.source.unit;
    base.origin.protocol = "mqtt";
    if (is_historical(message)) base.flags |= kHistorical;
    if (message.principal && message.principal->kind == PrincipalKind::gateway)
      base.origin.gateway = message.principal->name;
    DUNLIN_TRY(std::vector<Sample> samples, read_payload(row.source.payload, message.payload, base));
    return Mapped{*std::move(facts), std::move(samples)};
  }
  return fail(Errc::not_found, "no mapping row matches the topic");
}

}  // namespace dunlin::model
