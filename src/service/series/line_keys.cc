#include "service/series/line_keys.h"

#include <algorithm>
#include <array>

#include "model/mapping.h"
#include "model/text.h"
#include "wire/line_protocol/escape.h"

namespace dunlin::series {
namespace {

using line_protocol::Key;
using line_protocol::KeyError;
using line_protocol::Place;
using line_protocol::Tag;
using line_protocol::Text;

constexpr std::size_t kEntryBytes = 256;   // about what a source takes beside its texts
constexpr std::size_t kTargetBytes = 128;  // likewise

std::string plain(const Text& text, Place place) {
  std::array<char, line_protocol::kMaxNameBytes> bytes;
  return std::string(line_protocol::unescape(text, place, bytes));
}

const Tag* find_tag(const Key& key, std::string_view name) {
  const auto found = std::ranges::find_if(
      key.tags(), [name](const Tag& tag) { return plain(tag.key, Place::name) == name; });
  return found == key.tags().end() ? nullptr : &*found;
}

const Tag* device_tag(const Key& key, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (const Tag* tag = find_tag(key, name)) return tag;
  }
  return nullptr;
}

}  // namespace

std::expected<LineSource*, KeyError> LineKeys::find(TenantId tenant, std::string_view key) {
  const bool has_last = last_ != nullptr && last_tenant_ == tenant;
  LineSource* found = has_last ? last_->next : nullptr;
  if (found == nullptr || found->key != key) {
    found = look_up(tenant, key);
    if (found == nullptr) {
      auto source = read(key);
      if (!source) return std::unexpected(source.error());
      found = add(tenant, key, *std::move(source));
    }
    if (has_last) last_->next = found;
  }
  last_ = found;
  last_tenant_ = tenant;
  // Among many series the next one is in no cache; there is a line's work until it is asked for.
  if (found->next != nullptr) __builtin_prefetch(&found->next->key);
  return found;
}

LineSource* LineKeys::look_up(TenantId tenant, std::string_view key) {
  auto& sources = known_[tenant.value].sources;
  const auto found = sources.find(key);
  return found == sources.end() ? nullptr : &found->second;
}

LineSource* LineKeys::add(TenantId tenant, std::string_view key, LineSource source) {
  bytes_ += kEntryBytes + 4 * key.size();
  Known& known = known_[tenant.value];
  source.speaker = &known.speakers[source.device + '\0' + source.prefix];
  const auto at = known.sources.emplace(std::string(key), std::move(source)).first;
  at->second.key = at->first;
  return &at->second;
}

std::expected<LineSource, KeyError> LineKeys::read(std::string_view key) const {
  const auto read = line_protocol::read_key(key);
  if (!read) return std::unexpected(read.error());
  const Tag* const device = device_tag(*read, options_.device_tags);
  if (device == nullptr) return std::unexpected(KeyError{key, "no tag names the device"});
  LineSource source;
  source.device = plain(device->value, Place::name);
  if (!model::check_thing_name(source.device))
    return std::unexpected(
        KeyError{device->value.raw,
                 "a device's name may have 1 to 128 letters, digits, hyphens, underscores, dots and colons"});
  const std::string measurement = plain(read->measurement, Place::measurement);
  if (measurement != options_.plain_measurement) source.prefix = measurement + '/';
  std::vector<const Tag*> in_channel;
  for (const std::string& name : options_.channel_tags) {
    const Tag* const tag = find_tag(*read, name);
    if (tag == nullptr || tag == device) continue;
    in_channel.push_back(tag);
    source.prefix += plain(tag->value, Place::name) + '/';
  }
  for (const Tag& tag : read->tags()) {
    if (&tag == device || std::ranges::find(in_channel, &tag) != in_channel.end()) continue;
    source.tags.emplace_back(plain(tag.key, Place::name), plain(tag.value, Place::name));
  }
  return source;
}

std::expected<std::size_t, std::string_view> LineKeys::target(LineSource& source, std::size_t at,
                                                              const Text& field) {
  if (at < source.targets.size() && source.targets[at].field == field.raw) return at;
  const auto found = std::ranges::find(source.targets, field.raw, &LineSource::Target::field);
  if (found != source.targets.end()) return static_cast<std::size_t>(found - source.targets.begin());
  if (const auto why = line_protocol::check_name(field); !why.empty()) return std::unexpected(why);
  if (source.targets.size() >= line_protocol::kMaxFields)
    return std::unexpected("more than 512 fields of one measurement and set of tags");
  LineSource::Target target{std::string(field.raw), source.prefix + plain(field, Place::name), {}};
  if (target.channel.size() > model::kMaxChannelBytes)
    return std::unexpected("measurement and field make a channel of more than 256 bytes");
  bytes_ += kTargetBytes + target.channel.size();
  source.targets.push_back(std::move(target));
  return source.targets.size() - 1;
}

void LineKeys::make_room() {
  if (bytes_ > kMaxLineKeyBytes) forget();
}

void LineKeys::forget() {
  known_.clear();
  last_ = nullptr;
  bytes_ = 0;
}

}  // namespace dunlin::series
